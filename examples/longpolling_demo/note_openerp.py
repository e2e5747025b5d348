# -*- coding: utf-8 -*-
"""The notes, as OpenERP 7.0 declares a model."""
from openerp.osv import fields, osv


class Note(osv.Model):
    _name = 'longpolling.demo.note'
    _description = 'Note on the wall'
    _order = 'id'

    _columns = {
        'text': fields.text('Text', required=True),
        'create_uid': fields.many2one('res.users', 'Author', readonly=True),
        'create_date': fields.datetime('Written', readonly=True),
    }
