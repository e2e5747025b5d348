# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The notes, as Odoo declares a model."""
from odoo import api, fields, models
from odoo.addons.web_longpolling.longpolling import longpolling


class Note(models.Model):
    _name = 'longpolling.demo.note'
    _description = 'Note on the wall'
    _order = 'id'

    text = fields.Text(required=True)

    @api.model_create_multi
    def create(self, vals_list):
        notes = super().create(vals_list)
        for note in notes:
            longpolling.publish(self.env.cr, 'wall', {
                'id': note.id, 'text': note.text, 'author': note.create_uid.name,
                'date': fields.Datetime.to_string(note.create_date)})
        return notes
