# -*- coding: utf-8 -*-
"""The notes, as Odoo declares a model."""
from odoo import fields, models


class Note(models.Model):
    _name = 'longpolling.demo.note'
    _description = 'Note on the wall'
    _order = 'id'

    text = fields.Text(required=True)
