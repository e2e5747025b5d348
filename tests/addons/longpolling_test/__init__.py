# -*- coding: utf-8 -*-
"""Controllers for the tests, one for each promise about controllers; models that publish, and that are watched."""
import importlib
import sys

from . import controllers   # noqa: F401

for model in ('teller', 'watched'):
    importlib.import_module('.%s_%s' % (model, 'odoo' if sys.version_info[0] > 2 else 'openerp'), __name__)
