# -*- coding: utf-8 -*-
"""A model that is declared watched, as Odoo declares it."""
from odoo import api, fields, models


class Watched(models.Model):
    _name = 'longpolling.test.watched'
    _description = 'Watched by its declaration'
    _longpolling_watch = ['name', 'length', 'owner_id']

    name = fields.Char()
    owner_id = fields.Many2one('res.users')
    length = fields.Integer(compute='_compute_length', store=True)

    @api.depends('name')
    def _compute_length(self):
        for record in self:
            record.length = len(record.name or '')
