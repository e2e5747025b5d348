# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""A client that hangs up ends its poll at once."""
import gevent
from gevent.hub import get_hub


class ClientDisconnected(gevent.GreenletExit):
    """Nobody waits for the answer any more. gevent ends a greenlet with it silently."""


class EndsPoll(object):
    """End the current greenlet with ClientDisconnected when the client closes its connection in the block.

    gevent.pywsgi does not read while a request is held, so it would not see the end. A watcher of the
    event loop costs neither a greenlet nor a timer. What the client sends meanwhile, its next requests, is taken in
    and kept: the end comes after it.
    """

    __slots__ = ('_incoming', '_greenlet', '_watcher')

    def __init__(self, incoming):
        """
        :param incoming: the connection's Incoming
        """
        self._incoming = incoming
        self._greenlet = gevent.getcurrent()
        self._watcher = get_hub().loop.io(incoming.socket.fileno(), 1)      # 1: readable

    def __enter__(self):
        self._watcher.start(self._readable)

    def __exit__(self, *error):
        self._watcher.stop()
        self._watcher.close()

    def _readable(self):
        if not self._incoming.look():
            self._watcher.stop()
            self._greenlet.throw(ClientDisconnected)    # at once: in a moment it might be serving another poll
