# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Who looks at the wall, as OpenERP 7.0 declares a model."""
import time

from openerp import SUPERUSER_ID
from openerp.addons.web_longpolling.longpolling import longpolling
from openerp.osv import fields, osv
from openerp.tools import DEFAULT_SERVER_DATETIME_FORMAT

# Seconds after its last sign of life at which a page counts as gone; it gives one every 20.
GONE = 50
# Seconds for which a sign of life needs no other one, however many windows a user has.
FRESH = 5


def ago(seconds):
    """That many seconds before now, as the ORM writes it (UTC)."""
    return time.strftime(DEFAULT_SERVER_DATETIME_FORMAT, time.gmtime(time.time() - seconds))


class Watcher(osv.Model):
    _name = 'longpolling.demo.watcher'
    _description = 'Who looks at the wall'

    _columns = {
        'user_id': fields.many2one('res.users', 'User', required=True, select=True),
        'seen': fields.datetime('Last sign of life', required=True),
    }

    def watch(self, cr, uid, context=None):
        """The user looks at the wall now. The others' pages show it, if they do not already."""
        ids = self.search(cr, SUPERUSER_ID, [('user_id', '=', uid)], limit=1, context=context)
        seen = ids and self.read(cr, SUPERUSER_ID, ids[0], ['seen'], context=context)['seen']
        if seen and seen > ago(FRESH):
            return True
        if ids:
            self.write(cr, SUPERUSER_ID, ids, {'seen': ago(0)}, context=context)
        else:
            self.create(cr, SUPERUSER_ID, {'user_id': uid, 'seen': ago(0)}, context=context)
        if not seen or seen < ago(GONE):
            longpolling.publish(cr, 'longpolling_demo_watchers')
        return True

    def watching(self, cr, uid, context=None):
        """The names of those who gave a sign of life lately, sorted."""
        ids = self.search(cr, SUPERUSER_ID, [('seen', '>=', ago(GONE))], context=context)
        return sorted(set(watcher.user_id.name for watcher in self.browse(cr, SUPERUSER_ID, ids, context=context)))
