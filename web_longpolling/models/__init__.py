# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What the host itself stores in the database: models, one module a host."""
import importlib

from .. import host


def load():
    """Register this host's models."""
    importlib.import_module('.' + host.name(), __name__)
