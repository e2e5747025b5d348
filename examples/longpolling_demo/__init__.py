# -*- coding: utf-8 -*-
"""A wall of notes that every window sees grow: the example and the tutorial."""
import importlib
import sys

from . import controllers   # noqa: F401

# The one part that the two eras of the ORM write differently.
importlib.import_module('.note_odoo' if sys.version_info[0] > 2 else '.note_openerp', __name__)
