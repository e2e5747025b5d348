# -*- coding: utf-8 -*-
"""What the host itself stores in the database: models, one module a host."""
import importlib

from .. import host


def load():
    """Register this host's models."""
    importlib.import_module('.' + host.name(), __name__)
