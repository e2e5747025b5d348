# -*- coding: utf-8 -*-
from . import bus, connection, ir_http, ir_websocket       # noqa: F401
