# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Long polling for OpenERP and Odoo: see ``longpolling.py`` for what an addon imports."""

# A host imports its addons as openerp.addons.X or odoo.addons.X. Imported by the plain name, by the
# command `oe` before there is a host, this is an ordinary package that loads nothing of one.
if __name__ != 'web_longpolling':
    from . import controllers, host, longpolling, models, publishing    # noqa: F401
    publishing.send_after_commit = host.adapter().send_after_commit
    models.load()
    controllers.load()
