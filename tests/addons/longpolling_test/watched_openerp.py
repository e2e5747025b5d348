# -*- coding: utf-8 -*-
"""A model that is declared watched, as OpenERP 7.0 declares it."""
from openerp.osv import fields, osv


class Watched(osv.Model):
    _name = 'longpolling.test.watched'
    _description = 'Watched by its declaration'
    _longpolling_watch = ['name', 'length', 'owner_id']

    def _length(self, cr, uid, ids, name, arg, context=None):
        return dict((record.id, len(record.name or '')) for record in self.browse(cr, uid, ids, context))

    _columns = {
        'name': fields.char('Name', size=64),
        'owner_id': fields.many2one('res.users', 'Owner'),
        'length': fields.function(_length, type='integer', string='Length', store=True),
    }
