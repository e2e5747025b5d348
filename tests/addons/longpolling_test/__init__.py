# -*- coding: utf-8 -*-
"""Controllers for the tests: one for each thing that the specification says of a controller."""
from . import controllers   # noqa: F401
