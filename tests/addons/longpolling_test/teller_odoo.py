# -*- coding: utf-8 -*-
"""Model code that tells news, as Odoo declares it."""
from odoo import api, models
from odoo.addons.web_longpolling.longpolling import longpolling
from odoo.exceptions import UserError


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
