# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Views that show at once what a colleague has changed, and who else is looking."""
import importlib
import sys

from . import presence   # noqa: F401

# What the two eras of the ORM write differently.
importlib.import_module('.live_%s' % ('odoo' if sys.version_info[0] > 2 else 'openerp'), __name__)
