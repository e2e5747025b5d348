# -*- coding: utf-8 -*-
from openerp.addons.web import http
from openerp.addons.web_longpolling.longpolling import longpolling
from openerp.osv import osv


class Teller(osv.AbstractModel):
    _name = 'longpolling.browser'
    _description = 'Notifies the channel of the test controllers'

    def tell(self, cr, uid, payload, channel='browser', context=None):
        longpolling.publish(cr, channel, payload)
        return True


class Write(http.Controller):
    _cp_path = '/longpolling_browser'

    @http.jsonrequest
    def write(self, request, write):
        """What the specification's samples call "a simple poll": an ordinary request, which may write."""
        notes = request.session.model('longpolling.demo.note')
        return notes.create({'text': 'written: %s' % ', '.join(write['news'])}, request.context)
