# -*- coding: utf-8 -*-
"""Model code that publishes, as OpenERP 7.0 declares it."""
import os
import signal

from openerp.addons.web_longpolling.longpolling import longpolling
from openerp.osv import osv

from .played import play


class Teller(osv.AbstractModel):
    _name = 'longpolling.test.teller'
    _description = 'Tells news in the transaction of a call'

    def publish(self, cr, uid, channel, payloads, fail=False, context=None):
        for payload in payloads:
            longpolling.publish(cr, channel, payload)
        if fail:
            raise osv.except_osv('Error', 'rolled back')
        return True

    def publish_many(self, cr, uid, events, context=None):
        longpolling.publish_many(cr, events)
        return True

    def ticket(self, cr, uid, channels, user, seconds, context=None):
        """A token, and the position of what this transaction sees."""
        return longpolling.ticket(cr, channels, user or None, seconds), longpolling.position(cr)

    def renew(self, cr, uid, token, seconds, context=None):
        return longpolling.renew_ticket(cr, token, seconds)

    def revoke(self, cr, uid, token, context=None):
        return longpolling.revoke_ticket(cr, token)

    def play(self, cr, uid, steps, context=None):
        """See ``played.py``."""
        return play(cr, uid, steps)

    def commit_and_die(self, cr, uid, channel, payload, context=None):
        """The process is killed between the commit and what follows it."""
        longpolling.publish(cr, channel, payload)
        cr._cnx.commit()
        os.kill(os.getpid(), signal.SIGKILL)


class Users(osv.osv):
    _inherit = 'res.users'

    def check_credentials(self, cr, uid, password):
        """As auth_crypt does: what is found of the one user is converted while it is checked."""
        cr.execute("UPDATE res_users SET signature = 'converted' WHERE id = %s AND login = 'converted'", (uid,))
        super(Users, self).check_credentials(cr, uid, password)
