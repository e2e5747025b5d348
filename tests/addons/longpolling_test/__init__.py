# -*- coding: utf-8 -*-
"""Controllers for the contract tests, one for each thing the specification says."""
from . import controllers   # noqa: F401
