# -*- coding: utf-8 -*-
"""Long polling for OpenERP and Odoo: see ``longpolling.py`` for what an addon imports."""

# A host imports its addons as openerp.addons.X or odoo.addons.X. Imported by the plain name, by the
# command `oe` before there is a host, this is an ordinary package that loads nothing of one.
if __name__ != 'web_longpolling':
    from . import controllers, host, longpolling, models    # noqa: F401
    host.adapter()
    models.load()
    controllers.load()
