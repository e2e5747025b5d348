# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What Odoo 19.0 stores and serves: the feed's table, the watched models, and where the browser polls."""
from odoo import api, fields, models, tools
from odoo.exceptions import ValidationError

from .. import publishing, routes, schema, settings, watching


class Feed(models.AbstractModel):
    _name = 'longpolling.feed'
    _description = 'Feed of long polling events'

    def init(self):
        schema.create(self.env.cr)

    def _purge(self):
        """Called by the scheduled action: delete what is older than ``longpolling_retention``."""
        return schema.purge(self.env.cr, settings.read('longpolling_retention'))


class Watch(models.Model):
    """The models that an administrator has watched, beside those that are declared so."""

    _name = 'longpolling.watch'
    _description = 'Watched model'
    _rec_name = 'model'
    _order = 'model'

    model = fields.Char(required=True, help="Its technical name, such as res.partner")

    _model_unique = models.Constraint('UNIQUE (model)', "This model is listed already.")

    @api.constrains('model')
    def _check_model(self):
        for watch in self:
            model = self.env.get(watch.model)
            if model is None or model._abstract or not model._auto:
                raise ValidationError(self.env._("There is no model %s with a table of its own.", watch.model))

    @api.model_create_multi
    def create(self, vals_list):
        watches = super().create(vals_list)
        self._sync_if_loaded()
        return watches

    def write(self, vals):
        result = super().write(vals)
        self._sync_if_loaded()
        return result

    def unlink(self):
        result = super().unlink()
        self._sync_if_loaded()
        return result

    def _register_hook(self):
        super()._register_hook()
        if not routes.table.served:     # the host makes the triggers, whose code may be newer than the sidecar's
            self._sync()

    def _sync_if_loaded(self):
        # While modules are loaded, most models are not there yet: the hook at the end sees all.
        if self.env.registry.ready:
            late = self._sync()
            if late:
                raise ValidationError(self.env._("Others write %s just now; try again.", ', '.join(late)))

    @api.model
    @api.private
    def watched(self):
        """The names of all models that are watched, listed or declared so, sorted."""
        listed = set(self.sudo().search([]).mapped('model'))
        return sorted(model._name for model in self.env.values() if not model._abstract and model._auto and (
            model._name in listed or getattr(model, '_longpolling_watch', False)))

    def _sync(self):
        models, before = [self.env[name] for name in self.watched()], watching.tables(self.env.cr)
        late = watching.sync(self.env.cr, {model._name: model._table for model in models},
                             {model._name: watching.named(model) for model in models},
                             {model._name: watching.delegated(model._name, self.env.get) for model in models})
        if watching.tables(self.env.cr) != before:      # each process that starts comes here
            self.env.registry.clear_cache()
        return late

    @tools.ormcache()
    def _tables(self):
        return watching.tables(self.env.cr)


class Base(models.AbstractModel):
    """Who writes a watched table through the ORM wakes the sidecars up; others wait for their look."""

    _inherit = 'base'

    def _create(self, data_list):
        records = super()._create(data_list)
        self._longpolling_written()
        return records

    def _write_multi(self, vals_list):
        super()._write_multi(vals_list)
        self._longpolling_written()

    def unlink(self):
        result = super().unlink()
        self._longpolling_written()
        return result

    def _longpolling_written(self):
        watch = self.env.get('longpolling.watch')
        if watch is not None and self._table in watch._tables():
            publishing.send_after_commit(self.env.cr, soon=True)


class Module(models.Model):
    _inherit = 'ir.module.module'

    def module_uninstall(self):
        names = self.mapped('name')
        result = super().module_uninstall()
        if 'web_longpolling' in names:
            watching.drop(self.env.cr)
            schema.drop(self.env.cr)
        return result


class IrHttp(models.AbstractModel):
    _inherit = 'ir.http'

    def session_info(self):
        """Adds ``longpolling``, for ``@web/session`` in the browser."""
        return dict(super().session_info(), longpolling=self._longpolling())

    def get_frontend_session_info(self):
        """The same for public pages."""
        return dict(super().get_frontend_session_info(), longpolling=self._longpolling())

    @staticmethod
    def _longpolling():
        return {'path': settings.read('longpolling_path'), 'timeout': settings.read('longpolling_timeout')}
