# -*- coding: utf-8 -*-
from odoo import api, http, models
from odoo.addons.web_longpolling.longpolling import longpolling
from odoo.http import request


class Teller(models.AbstractModel):
    _name = 'longpolling.browser'
    _description = 'Notifies the channel of the test controllers'

    @api.model
    def tell(self, payload, channel='browser'):
        longpolling.publish(self.env.cr, channel, payload)


class IrHttp(models.AbstractModel):
    _inherit = 'ir.http'

    def color_scheme(self):
        """As the modules that bring a dark mode have it: Odoo Enterprise, and web_dark_mode of the OCA."""
        return request.httprequest.cookies.get('color_scheme') or super().color_scheme()


class Write(http.Controller):

    @http.route('/longpolling_browser/write', type='jsonrpc', auth='user')
    def write(self, write):
        """What the specification's samples call "a simple poll": an ordinary request, which may write."""
        return request.env['longpolling.demo.note'].create({'text': 'written: %s' % ', '.join(write['news'])}).id
