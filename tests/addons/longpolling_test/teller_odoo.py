# -*- coding: utf-8 -*-
"""Model code that publishes, as Odoo declares it."""
import os
import signal

from odoo import api, models
from odoo.addons.web_longpolling.longpolling import longpolling
from odoo.exceptions import UserError

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
