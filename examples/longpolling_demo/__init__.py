# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""A wall of notes that every window sees grow: the example and the tutorial."""
import importlib
import sys

from . import controllers, watchers   # noqa: F401

# What the two eras of the ORM write differently.
for model in ('note', 'watcher'):
    importlib.import_module('.%s_%s' % (model, 'odoo' if sys.version_info[0] > 2 else 'openerp'), __name__)
