# -*- coding: utf-8 -*-
from . import sender       # noqa: F401
