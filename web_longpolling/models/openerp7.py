# -*- coding: utf-8 -*-
"""What OpenERP 7.0 stores: the feed's table."""
from openerp.osv import osv

from .. import schema, settings


class Feed(osv.AbstractModel):
    _name = 'longpolling.feed'
    _description = 'Feed of long polling events'

    def init(self, cr):
        schema.create(cr)
        _create_signals(cr)
        # The method had a name that RPC may call once; the record is noupdate.
        cr.execute("UPDATE ir_cron SET function = '_purge' WHERE model = 'longpolling.feed' AND function = 'purge'")

    def _purge(self, cr, uid, context=None):
        """Called by the scheduled action: delete what is older than ``longpolling_retention``."""
        return schema.purge(cr, settings.read('longpolling_retention'))


class Module(osv.Model):
    _inherit = 'ir.module.module'

    def module_uninstall(self, cr, uid, ids, context=None):
        names = [module.name for module in self.browse(cr, uid, ids, context)]
        result = super(Module, self).module_uninstall(cr, uid, ids, context)
        if 'web_longpolling' in names:
            schema.drop(cr)
        return result


def _create_signals(cr):
    """What OpenERP itself creates only with --workers; see ``openerp7.check_signaling``."""
    for sequence in ('base_registry_signaling', 'base_cache_signaling'):
        cr.execute("SELECT 1 FROM pg_class WHERE relname = %s AND relkind = 'S'", (sequence,))
        if not cr.fetchone():
            cr.execute("CREATE SEQUENCE %s INCREMENT BY 1 START WITH 1" % sequence)
            cr.execute("SELECT nextval(%s)", (sequence,))
