# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Who looks at what, and for whom views are live, as OpenERP 7.0 declares it."""
import time

from openerp import SUPERUSER_ID
from openerp.addons.web_longpolling.longpolling import longpolling
from openerp.osv import fields, osv
from openerp.tools import DEFAULT_SERVER_DATETIME_FORMAT

from .business import MOST_USED, SYSTEM_MENUS, business
from .presence import FRESH, GONE, channel_of, is_on, named, named_page

DAY = 86400


def ago(seconds):
    """That many seconds before now, as the ORM writes it (UTC)."""
    return time.strftime(DEFAULT_SERVER_DATETIME_FORMAT, time.gmtime(time.time() - seconds))


class Models(osv.TransientModel):
    """The dialog by which an administrator lists models by the dozen."""

    _name = 'longpolling.live.models'
    _description = 'Models that become live'

    _columns = {'create_date': fields.datetime('Asked', readonly=True)}

    def suggest(self, cr, uid, ids, context=None):
        """List what the installed applications use most."""
        return self._list(cr, uid, [name for name in MOST_USED if self._has_table(name)], context)

    def suggest_all(self, cr, uid, ids, context=None):
        """List all business models: those of the views to which menus lead, but for the menus of the settings."""
        data = self.pool.get('ir.model.data')
        system = data.search(cr, SUPERUSER_ID, [('module', '=', 'base'), ('name', 'in', SYSTEM_MENUS)])
        system = [one['res_id'] for one in data.read(cr, SUPERUSER_ID, system, ['res_id'])]
        menus = self.pool.get('ir.ui.menu')
        found = menus.search(cr, SUPERUSER_ID, ['!', ('id', 'child_of', system)],
                             context={'ir.ui.menu.full_list': True})
        actions = [menu['action'].split(',') for menu in menus.read(cr, SUPERUSER_ID, found, ['action'])
                   if menu['action']]
        windows = self.pool.get('ir.actions.act_window')
        found = windows.search(cr, SUPERUSER_ID, [
            ('id', 'in', [int(number) for kind, number in actions if kind == windows._name])])
        opened = [window['res_model'] for window in windows.read(cr, SUPERUSER_ID, found, ['res_model'])]
        return self._list(cr, uid, business(opened, self._has_table), context)

    def _has_table(self, name):
        model = self.pool.get(name)
        return model is not None and model._auto and isinstance(model, osv.Model)

    def _list(self, cr, uid, names, context):
        watch = self.pool.get('longpolling.watch')
        listed = [one['model'] for one in watch.read(cr, uid, watch.search(cr, uid, []), ['model'])]
        for name in names:
            if name not in listed:
                watch.create(cr, uid, {'model': name}, context)
        return self.pool.get('ir.actions.act_window').for_xml_id(
            cr, uid, 'web_longpolling_live', 'action_watched', context)


class Presence(osv.Model):
    _name = 'longpolling.live.presence'
    _description = 'Who looks at a record'

    _columns = {
        'res_model': fields.char('Model', size=128, required=True),
        'res_id': fields.integer('Record', required=True),
        'user_id': fields.many2one('res.users', 'User', required=True, ondelete='cascade'),
        'page': fields.char('Page', size=40),
        'editing': fields.boolean('Editing'),
        'seen': fields.datetime('Last sign of life', required=True),
    }

    def _told(self, cr):
        """Whether the administrator lets pages say who looks at a record."""
        return is_on(self.pool.get('ir.config_parameter').get_param(
            cr, SUPERUSER_ID, 'web_longpolling_live.presence', 'True'))

    def _readable(self, cr, uid, model, records, context=None):
        """Those of the records that the user may read, if he is an employee and it is told at all: list of ids."""
        looked_at = self.pool.get(model)
        if not self._told(cr) or not self.pool.get('res.users').has_group(cr, uid, 'base.group_user'):
            return []
        if looked_at is None or not looked_at.check_access_rights(cr, uid, 'read', False):
            return []
        return looked_at.search(cr, uid, [('id', 'in', records)], context=dict(context or {}, active_test=False))

    def here(self, cr, uid, model, record, editing=False, leaving=False, page='-', context=None):
        """The user looks at the record now, or leaves it. The others' pages show it, if they do not already.

        :param page: what the page calls itself, a text: he may look at it in several
        """
        if not leaving and not self._readable(cr, uid, model, [record], context):
            return False
        page = named_page(page)
        ids = self.search(cr, SUPERUSER_ID, [
            ('res_model', '=', model), ('res_id', '=', record), ('user_id', '=', uid), ('page', '=', page)])
        mine = ids and self.read(cr, SUPERUSER_ID, ids[0], ['seen', 'editing'])
        news = bool(mine) if leaving else not mine or mine['editing'] != editing or mine['seen'] < ago(GONE)
        if leaving:
            self.unlink(cr, SUPERUSER_ID, ids)
        elif not mine:
            # Those of browsers that have crashed.
            self.unlink(cr, SUPERUSER_ID, self.search(cr, SUPERUSER_ID, [
                ('res_model', '=', model), ('res_id', '=', record), ('seen', '<', ago(DAY))]))
            self.create(cr, SUPERUSER_ID, {
                'res_model': model, 'res_id': record, 'user_id': uid, 'page': page, 'editing': editing,
                'seen': ago(0)})
        elif news or mine['seen'] < ago(FRESH):
            self.write(cr, SUPERUSER_ID, ids, {'editing': editing, 'seen': ago(0)})
        if news:
            longpolling.publish(cr, channel_of(model, record))
        return True

    def who(self, cr, uid, model, records, context=None):
        """The others who gave a sign of life lately, as far as the user may read the records and who they are.

        :returns: dict of lists of {"id", "name", "editing"}, by name, by the records' ids as text
        """
        ids = self.search(cr, SUPERUSER_ID, [
            ('res_model', '=', model), ('res_id', 'in', self._readable(cr, uid, model, records, context)),
            ('seen', '>=', ago(GONE)), ('user_id', '!=', uid)])
        here = self.browse(cr, SUPERUSER_ID, ids)
        users = self.pool.get('res.users')
        known = users.search(cr, uid, [('id', 'in', [one.user_id.id for one in here])],
                             context={'active_test': False})
        return named([(one.res_id, one.user_id.id, one.user_id.name, one.editing)
                      for one in here if one.user_id.id in known])

    def live(self, cr, uid, context=None):
        """For the page: which models are live for this user, and whether pages say who looks at a record."""
        user = self.pool.get('res.users').browse(cr, SUPERUSER_ID, uid)
        live = user.longpolling_live and self.pool.get('res.users').has_group(cr, uid, 'base.group_user')
        return {'models': self.pool.get('longpolling.watch').watched(cr, SUPERUSER_ID) if live else [],
                'presence': live and self._told(cr)}


class Users(osv.Model):
    _inherit = 'res.users'

    _columns = {
        'longpolling_live': fields.boolean('Live views', help="Show at once what a colleague changes"),
    }
    _defaults = {'longpolling_live': True}

    def __init__(self, pool, cr):
        super(Users, self).__init__(pool, cr)
        self.SELF_WRITEABLE_FIELDS = list(self.SELF_WRITEABLE_FIELDS) + ['longpolling_live']
