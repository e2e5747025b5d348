# -*- coding: utf-8 -*-
"""What the browser tests need of a server: controllers of the sidecar, a route of the host, a word to the sidecar."""
import importlib
import sys

from . import polls   # noqa: F401

importlib.import_module('.host_odoo' if sys.version_info[0] > 2 else '.host_openerp', __name__)
