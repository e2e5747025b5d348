# -*- coding: utf-8 -*-
"""Model code that publishes, as Odoo declares it."""
import os
import signal

from odoo import SUPERUSER_ID, api, models
from odoo.addons.web_longpolling.longpolling import longpolling
from odoo.exceptions import UserError
from odoo.http import request

from .played import play


class Teller(models.AbstractModel):
    _name = 'longpolling.test.teller'
    _description = 'Tells news in the transaction of a call'

    @api.model
    def publish(self, channel, payloads, fail=False):
        for payload in payloads:
            longpolling.publish(self.env.cr, channel, payload)
        if fail:
            raise UserError('rolled back')
        return True

    @api.model
    def publish_many(self, events):
        longpolling.publish_many(self.env.cr, events)
        return True

    @api.model
    def ticket(self, channels, uid, seconds):
        """A token, and the position of what this transaction sees."""
        return longpolling.ticket(self.env.cr, channels, uid or None, seconds), longpolling.position(self.env.cr)

    @api.model
    def renew(self, token, seconds):
        return longpolling.renew_ticket(self.env.cr, token, seconds)

    @api.model
    def revoke(self, token):
        return longpolling.revoke_ticket(self.env.cr, token)

    @api.model
    def play(self, steps):
        """See ``played.py``."""
        return play(self.env.cr, self.env.uid, steps)

    @api.model
    def commit_and_die(self, channel, payload):
        """The process is killed between the commit and what follows it."""
        longpolling.publish(self.env.cr, channel, payload)
        self.env.cr._cnx.commit()
        os.kill(os.getpid(), signal.SIGKILL)


class IrHttp(models.AbstractModel):
    _inherit = 'ir.http'

    @classmethod
    def _get_public_users(cls):
        """As the module website does it: by the request, of which it needs more than its session."""
        assert request.httprequest.host is not None and request.httprequest.headers.get('User-Agent', '') is not None
        assert request.session.get('force_website_id') is None and request.cookies is not None
        assert 'res.users' in request.env(user=SUPERUSER_ID)
        return super()._get_public_users()
