# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Who looks at what, and for whom views are live, as Odoo declares it."""
from datetime import timedelta

from odoo import api, fields, models
from odoo.addons.web_longpolling.longpolling import longpolling

from .business import MOST_USED, SYSTEM_MENUS, business
from .presence import FRESH, GONE, channel_of, is_on, named, named_page


class Watch(models.Model):
    _inherit = 'longpolling.watch'

    model_id = fields.Many2one('ir.model', compute='_compute_model_id', readonly=False, string="Name")

    @api.depends('model')
    def _compute_model_id(self):
        for watch in self:
            watch.model_id = self.env['ir.model']._get(watch.model) if watch.model else False

    @api.onchange('model_id')
    def _onchange_model_id(self):
        """By which a model is searched: by its name, or its technical one."""
        self.model = self.model_id.model

    @api.model
    def suggest(self):
        """List what the installed applications use most."""
        self._list([name for name in MOST_USED if self._has_table(name)])

    @api.model
    def suggest_all(self):
        """List all business models: those of the views to which menus lead, but for the menus of the settings."""
        menus = self.env['ir.ui.menu'].sudo().with_context({'ir.ui.menu.full_list': True})
        system = [menu.id for menu in (self.env.ref('base.' + name, False) for name in SYSTEM_MENUS) if menu]
        actions = [menu.action for menu in menus.search(['!', ('id', 'child_of', system)])]
        opened = [action.res_model for action in actions if action and action._name == 'ir.actions.act_window']
        self._list(business(opened, self._has_table))

    def _has_table(self, name):
        model = self.env.get(name)
        return model is not None and model._auto and not model._abstract and not model._transient

    def _list(self, names):
        self.check_access('create')
        listed = self.search([]).mapped('model')
        self.create([{'model': name} for name in names if name not in listed])


class Presence(models.Model):
    _name = 'longpolling.live.presence'
    _description = 'Who looks at a record'

    res_model = fields.Char(required=True)
    res_id = fields.Integer(required=True)
    user_id = fields.Many2one('res.users', required=True, ondelete='cascade')
    page = fields.Char(help="One of those in which the user looks at it; what it calls itself.")
    editing = fields.Boolean()
    seen = fields.Datetime(required=True)

    _record = models.Index('(res_model, res_id)')

    @api.model
    @api.private
    def told(self, kind='presence'):
        """Whether the administrator lets pages say who looks at a record."""
        return is_on(self.env['ir.config_parameter'].sudo().get_param('web_longpolling_live.' + kind, 'True'))

    def _readable(self, model, records):
        """Those of the records that the user may read, if he is an internal one and it is told at all: list of ids."""
        if not self.told() or not self.env.user._is_internal():
            return []
        if model not in self.env or not self.env[model].has_access('read'):
            return []
        return self.env[model].with_context(active_test=False).search([('id', 'in', records)]).ids

    @api.model
    def here(self, model, record, editing=False, leaving=False, page='-'):
        """The user looks at the record now, or leaves it. The others' pages show it, if they do not already.

        :param page: what the page calls itself, a text: he may look at it in several
        """
        if not leaving and not self._readable(model, [record]):
            return
        now = fields.Datetime.now()
        page = named_page(page)
        rows = self.sudo().search([('res_model', '=', model), ('res_id', '=', record), ('user_id', '=', self.env.uid),
                                   ('page', '=', page)])
        mine = rows[:1]     # two calls that come at once make two
        news = bool(mine) if leaving else (
            not mine or mine.editing != editing or mine.seen < now - timedelta(seconds=GONE))
        if leaving:
            rows.unlink()
        elif not mine:
            mine.create({'res_model': model, 'res_id': record, 'user_id': self.env.uid, 'page': page,
                         'editing': editing, 'seen': now})
        elif news or mine.seen < now - timedelta(seconds=FRESH):
            mine.write({'editing': editing, 'seen': now})
        if news:
            longpolling.publish(self.env.cr, channel_of(model, record))

    @api.model
    def who(self, model, records):
        """The others who gave a sign of life lately, as far as the user may read the records and who they are.

        :returns: dict of lists of {"id", "name", "editing"}, by name, by the records' ids as text
        """
        since = fields.Datetime.now() - timedelta(seconds=GONE)
        here = self.sudo().search([('res_model', '=', model), ('res_id', 'in', self._readable(model, records)),
                                   ('seen', '>=', since), ('user_id', '!=', self.env.uid)])
        users = self.env['res.users'].with_context(active_test=False).search([('id', 'in', here.user_id.ids)])
        names = {user.id: user.sudo().name for user in users}
        return named([(one.res_id, one.user_id.id, names[one.user_id.id], one.editing)
                      for one in here if one.user_id.id in names])

    @api.autovacuum
    def _gc(self):
        self.sudo().search([('seen', '<', fields.Datetime.now() - timedelta(days=1))]).unlink()


class Users(models.Model):
    _inherit = 'res.users'

    longpolling_live = fields.Boolean("Live views", default=True, help="Show at once what a colleague changes")

    @property
    def SELF_READABLE_FIELDS(self):
        return super().SELF_READABLE_FIELDS + ['longpolling_live']

    @property
    def SELF_WRITEABLE_FIELDS(self):
        return super().SELF_WRITEABLE_FIELDS + ['longpolling_live']


class IrHttp(models.AbstractModel):
    _inherit = 'ir.http'

    def session_info(self):
        """Adds ``longpolling_live``: which models are live for this user."""
        user = self.env.user
        live = user._is_internal() and user.longpolling_live
        presence, cards = (live and self.env['longpolling.live.presence'].told(kind) for kind in ('presence', 'cards'))
        return dict(super().session_info(), longpolling_live={
            'models': self.env['longpolling.watch'].sudo().watched() if live else [],
            'presence': presence, 'cards': presence and cards})
