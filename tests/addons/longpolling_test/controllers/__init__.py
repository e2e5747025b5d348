# -*- coding: utf-8 -*-
from . import answering, asking, reading, specification, writing   # noqa: F401
