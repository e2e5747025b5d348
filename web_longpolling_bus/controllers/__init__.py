# -*- coding: utf-8 -*-
from . import bus       # noqa: F401
