# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What OpenERP 7.0 stores: the feed's table, and the watched models."""
import functools

from openerp import SUPERUSER_ID, tools
from openerp.modules import get_module_resource
from openerp.osv import fields, orm, osv
from openerp.tools.translate import _

from .. import publishing, routes, schema, settings, watching


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


class Watch(osv.Model):
    """The models that an administrator has watched, beside those that are declared so."""

    _name = 'longpolling.watch'
    _description = 'Watched model'
    _rec_name = 'model'
    _order = 'model'

    _columns = {
        'model': fields.char('Model', size=128, required=True, help="Its technical name, such as res.partner"),
    }
    _sql_constraints = [('model_unique', 'UNIQUE (model)', "This model is listed already.")]

    def _check_model(self, cr, uid, ids, context=None):
        return all(_has_table(self.pool.get(watch.model)) for watch in self.browse(cr, uid, ids, context))

    _constraints = [(_check_model, "There is no such model with a table of its own.", ['model'])]

    def create(self, cr, uid, values, context=None):
        watch = super(Watch, self).create(cr, uid, values, context)
        self._sync_if_loaded(cr)
        return watch

    def write(self, cr, uid, ids, values, context=None):
        result = super(Watch, self).write(cr, uid, ids, values, context)
        self._sync_if_loaded(cr)
        return result

    def unlink(self, cr, uid, ids, context=None):
        result = super(Watch, self).unlink(cr, uid, ids, context)
        self._sync_if_loaded(cr)
        return result

    def _register_hook(self, cr):
        super(Watch, self)._register_hook(cr)
        if not routes.table.served:     # the host makes the triggers, whose code may be newer than the sidecar's
            self._sync(cr)
            cr.commit()     # nobody else does: the hooks are the last thing that is done before the cursor is closed

    def _sync_if_loaded(self, cr):
        # While modules are loaded, most models are not there yet: the hook at the end sees all.
        if self.pool.ready:
            late = self._sync(cr)
            if late:
                raise osv.except_osv(_('Warning!'), _('Others write %s just now; try again.') % ', '.join(late))

    def watched(self, cr, uid, context=None):
        """The names of all models that are watched, listed or declared so, sorted."""
        listed = [watch['model'] for watch in self.read(cr, uid, self.search(cr, uid, []), ['model'])]
        return sorted(name for name, model in self.pool.models.items() if _has_table(model) and (
            name in listed or getattr(model, '_longpolling_watch', False)))

    def _sync(self, cr):
        models, before = [self.pool.get(name) for name in self.watched(cr, SUPERUSER_ID)], watching.tables(cr)
        late = watching.sync(cr, dict((model._name, model._table) for model in models),
                             dict((model._name, watching.named(model)) for model in models),
                             dict((model._name, watching.delegated(model._name, self.pool.get)) for model in models))
        if watching.tables(cr) != before:
            self._tables.clear_cache(self)
        return late

    @tools.ormcache()
    def _tables(self, cr):
        return watching.tables(cr)


def _has_table(model):
    return model is not None and model._auto and isinstance(model, orm.Model)


def _wake_up_after_writes():
    """Who writes a watched table through the ORM wakes the sidecars up; others wait for their look."""
    def waking(method):
        @functools.wraps(method)
        def write(self, cr, *args, **kwargs):
            result = method(self, cr, *args, **kwargs)
            watch = self.pool.get('longpolling.watch')
            if watch is not None and self._table in watch._tables(cr):
                publishing.send_after_commit(cr, soon=True)
            return result
        write.longpolling = True
        return write

    for name in ('create', 'write', 'unlink', '_store_set_values'):
        method = getattr(orm.BaseModel, name).__func__
        if not hasattr(method, 'longpolling'):
            setattr(orm.BaseModel, name, waking(method))


_wake_up_after_writes()


class Module(osv.Model):
    _inherit = 'ir.module.module'

    def module_uninstall(self, cr, uid, ids, context=None):
        names = [module.name for module in self.browse(cr, uid, ids, context)]
        result = super(Module, self).module_uninstall(cr, uid, ids, context)
        if 'web_longpolling' in names:
            watching.drop(cr)
            schema.drop(cr)
        return result


class Translation(osv.Model):
    _inherit = 'ir.translation'

    def load(self, cr, modules, langs, context=None):
        """Load also ``i18n_openerp`` of a module: what Odoo's files can't hold, such as the labels of fields."""
        result = super(Translation, self).load(cr, modules, langs, context=context)
        for module in modules:
            for lang in langs:
                path = get_module_resource(module, 'i18n_openerp', tools.get_iso_codes(lang).split('_')[0] + '.po')
                if path:
                    tools.trans_load(cr, path, lang, verbose=False, module_name=module, context=context)
        return result


def _create_signals(cr):
    """What OpenERP itself creates only with --workers; see ``openerp7.check_signaling``."""
    for sequence in ('base_registry_signaling', 'base_cache_signaling'):
        cr.execute("SELECT 1 FROM pg_class WHERE relname = %s AND relkind = 'S'", (sequence,))
        if not cr.fetchone():
            cr.execute("CREATE SEQUENCE %s INCREMENT BY 1 START WITH 1" % sequence)
            cr.execute("SELECT nextval(%s)", (sequence,))
