# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Who looks at the wall, as Odoo declares a model."""
from datetime import timedelta

from odoo import api, fields, models
from odoo.addons.web_longpolling.longpolling import longpolling

# Seconds after its last sign of life at which a page counts as gone; it gives one every 20.
GONE = 50
# Seconds for which a sign of life needs no other one, however many windows a user has.
FRESH = 5


class Watcher(models.Model):
    _name = 'longpolling.demo.watcher'
    _description = 'Who looks at the wall'

    user_id = fields.Many2one('res.users', required=True, index=True)
    seen = fields.Datetime(required=True)

    @api.model
    def watch(self):
        """The user looks at the wall now. The others' pages show it, if they do not already."""
        now = fields.Datetime.now()
        mine = self.sudo().search([('user_id', '=', self.env.uid)], limit=1)
        if mine and mine.seen > now - timedelta(seconds=FRESH):
            return
        news = not mine or mine.seen < now - timedelta(seconds=GONE)
        if mine:
            mine.seen = now
        else:
            mine.create({'user_id': self.env.uid, 'seen': now})
        if news:
            longpolling.publish(self.env.cr, 'longpolling_demo_watchers')

    @api.model
    def watching(self):
        """The names of those who gave a sign of life lately, sorted."""
        here = fields.Datetime.now() - timedelta(seconds=GONE)
        return sorted(set(self.sudo().search([('seen', '>=', here)]).mapped('user_id.name')))
