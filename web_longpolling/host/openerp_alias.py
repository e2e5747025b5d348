# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""``import openerp.addons.X`` where the host's package is ``odoo``; Python 3 alone imports this.

An addon written to the specification says ``from openerp.addons.web_longpolling.longpolling import
longpolling``. The module it gets is the very one that ``odoo.addons.web_longpolling.longpolling``
names, so there is one table of routes.
"""
import importlib
import importlib.abc
import importlib.machinery
import sys


class OpenerpAlias(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``openerp`` and what is below it under the name ``odoo``."""

    def find_spec(self, name, path=None, target=None):
        if name == 'openerp' or name.startswith('openerp.'):
            return importlib.machinery.ModuleSpec(name, self)
        return None

    def create_module(self, spec):
        module = importlib.import_module('odoo' + spec.name[len('openerp'):])
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module):
        # The import system has just given the module the alias' spec; it is odoo's own again.
        module.__spec__ = module.__spec__.loader_state


def install():
    """Make the alias known to the import system, once."""
    if not any(isinstance(finder, OpenerpAlias) for finder in sys.meta_path):
        # First: the path finder would make a second `addons` of odoo's folder and hang it into odoo.
        sys.meta_path.insert(0, OpenerpAlias())
