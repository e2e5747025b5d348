# -*- coding: utf-8 -*-
"""A client that hangs up ends its poll at once."""
import errno
import socket

import gevent
from gevent.hub import get_hub

from ..loop.gevent_internals import kernel_socket


class ClientDisconnected(gevent.GreenletExit):
    """Nobody waits for the answer any more. gevent ends a greenlet with it silently."""


class EndsPoll(object):
    """End the current greenlet with ClientDisconnected when the other side of `sock` closes it in the block.

    gevent.pywsgi does not read while a request is held, so it would not see the end. A watcher of the
    event loop costs neither a greenlet nor a timer.
    """

    __slots__ = ('_sock', '_greenlet', '_watcher')

    def __init__(self, sock):
        """
        :param sock: the connection's gevent socket
        """
        self._sock = sock
        self._greenlet = gevent.getcurrent()
        self._watcher = get_hub().loop.io(sock.fileno(), 1)     # 1: readable

    def __enter__(self):
        self._watcher.start(self._readable)

    def __exit__(self, *error):
        self._watcher.stop()
        self._watcher.close()

    def _readable(self):
        try:
            gone = not kernel_socket(self._sock).recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except EnvironmentError as error:
            if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK):
                return
            gone = True
        # Bytes, on the other hand, are the client's next request. They stay where they are, and the
        # watcher would see them again and again.
        self._watcher.stop()
        if gone:
            self._greenlet.throw(ClientDisconnected)    # at once: in a moment it might be serving another poll
