# -*- coding: utf-8 -*-
from . import answering, asking, news, process, reading, specification, writing   # noqa: F401
