# -*- coding: utf-8 -*-
from . import answering, asking, decorated, news, process, reading, specification, writing   # noqa: F401
