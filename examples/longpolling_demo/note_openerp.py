# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The notes, as OpenERP 7.0 declares a model."""
from openerp.addons.web_longpolling.longpolling import longpolling
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

    def create(self, cr, uid, values, context=None):
        note = super(Note, self).create(cr, uid, values, context)
        written = self.read(cr, uid, [note], ['text', 'create_uid', 'create_date'], context=context)[0]
        longpolling.publish(cr, 'wall', {
            'id': note, 'text': written['text'], 'author': written['create_uid'][1], 'date': written['create_date']})
        return note
