# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What the host itself serves over HTTP. Odoo 19.0 needs nothing here: its session_info is a model's."""
import importlib

from .. import host


def load():
    """Register this host's controllers, if it has some."""
    if host.name() == 'openerp7':
        importlib.import_module('.openerp7', __name__)
