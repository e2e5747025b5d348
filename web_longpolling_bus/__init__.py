# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Odoo's own bus over long polling: Discuss, activities and presence where no WebSocket gets through.

::

    a browser's bus worker          static/src/socket.js, which the worker takes for the browser's WebSocket
      subscribe, update_presence -> controllers/bus.py      in the host: channels as stock, a ticket for them
      a held poll -> routes.py      in the sidecar: follows by the ticket
    bus.bus.create -> publish       models/bus.py           in the transaction of stock's own row
    the last tab leaves, or crashes -> models/connection.py the host's own _on_websocket_closed

Everything above the socket is Odoo's.
"""
from . import controllers, models, routes       # noqa: F401
from .models.connection import remove_traces    # noqa: F401  the manifest names it
