# -*- coding: utf-8 -*-
"""Controllers for the tests, one for each promise about controllers; and a model that publishes."""
import importlib
import sys

from . import controllers   # noqa: F401

importlib.import_module('.teller_%s' % ('odoo' if sys.version_info[0] > 2 else 'openerp'), __name__)
