# -*- coding: utf-8 -*-
from . import answering, asking, news, reading, specification, writing   # noqa: F401
