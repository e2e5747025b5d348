# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""A browser that hangs up ends its poll also behind a dispatcher that does not look at it.

Apache reads nothing from a browser while it waits for the sidecar, so it never learns that the browser has closed its
connection, and does not report it. The kernel knows: the connection is in the state CLOSE_WAIT, or gone. Where
dispatcher and sidecar share a kernel, the sidecar asks it, every STEP seconds, for the connections that the dispatcher
has named in the requests of held polls. That takes some microseconds for each, and nothing while there are none.
"""
import contextlib
import errno
import logging
import socket
import struct
from _socket import socket as KernelSocket  # not gevent's: the event loop itself can't wait

import gevent
from gevent.hub import get_hub

from .disconnect import ClientDisconnected

_logger = logging.getLogger(__name__)

# What a dispatcher sends, in the environment of WSGI: address and port of the browser's end of its connection, then
# those of the dispatcher's end, '192.0.2.7 51234 198.51.100.1 443'.
HEADER = 'HTTP_X_LONGPOLLING_BROWSER'

# Seconds between two looks: an end is seen well within a second.
STEP = 0.4

# How many connections are asked for at once; the answers to more might not fit into the socket's buffer.
BATCH = 50

# sock_diag(7), linux/netlink.h, linux/inet_diag.h
NETLINK_SOCK_DIAG = 4
NLMSG_ERROR, SOCK_DIAG_BY_FAMILY = 2, 20
NLM_F_REQUEST = 1
_HEADER = struct.Struct('=IHHII')           # length, type, flags, number, sender
_NO_COOKIE = b'\xff' * 8
TCP_ESTABLISHED, TCP_LISTEN = 1, 10

# What the kernel says of a connection that it does not know, besides the numbers of its states.
UNKNOWN = None


class BrowserDisconnected(ClientDisconnected):
    """The browser has left, and the dispatcher does not know it yet."""


def connection(name):
    """The kernel's words for a connection; None for a name that is none.

    :param name: the value of HEADER, or None
    :returns: bytes, a struct inet_diag_req_v2
    """
    try:
        address, port, own_address, own_port = name.split()
        family = socket.AF_INET6 if ':' in address else socket.AF_INET
        ends = [socket.inet_pton(family, each).ljust(16, b'\0') for each in (own_address, address)]
        ports = struct.pack('!HH', int(own_port), int(port))
    except (AttributeError, UnicodeError, ValueError, EnvironmentError, struct.error):
        return None
    return struct.pack('=BBxxI', family, socket.IPPROTO_TCP, 0) + ports + b''.join(ends) + b'\0\0\0\0' + _NO_COOKIE


def states(wanted):
    """Ask the kernel for the states of connections.

    :param wanted: a list of bytes, as from `connection`
    :returns: dict of the states by these bytes, UNKNOWN if there is no such connection; one that the kernel says
        nothing of is left out
    """
    found = {}
    try:
        with contextlib.closing(KernelSocket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)) as kernel:
            for start in range(0, len(wanted), BATCH):
                _ask(kernel, wanted[start:start + BATCH], found)
    except EnvironmentError:
        pass        # this kernel has no answer, or there is no file descriptor left: nothing is known
    return found


def _ask(kernel, batch, found):
    kernel.send(b''.join(_HEADER.pack(_HEADER.size + len(each), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, number, 0) + each
                         for number, each in enumerate(batch)))
    for _ in batch:
        answer = kernel.recv(8192, socket.MSG_DONTWAIT)     # all are there when `send` returns
        _, kind, _, number, _ = _HEADER.unpack_from(answer)
        if kind == SOCK_DIAG_BY_FAMILY:
            state = struct.unpack_from('=B', answer, _HEADER.size + 1)[0]
            # If there is no such connection, the kernel answers with the socket that listens at this end.
            found[batch[number]] = UNKNOWN if state == TCP_LISTEN else state
        elif kind == NLMSG_ERROR and struct.unpack_from('=i', answer, _HEADER.size)[0] == -errno.ENOENT:
            found[batch[number]] = UNKNOWN


class _NotWatched(object):
    """The context manager of all polls whose dispatcher reports itself that a client has disconnected."""

    def __enter__(self):
        pass

    def __exit__(self, *error):
        pass


NOT_WATCHED = _NotWatched()


class PeerWatch(object):
    """The polls of this process whose browsers' connections are watched."""

    def __init__(self):
        self._connections = {}      # by the greenlet of the poll
        self._timer = None
        self._logged = False        # that connections are unknown

    def ends_poll(self, name):
        """A context manager that ends the current greenlet when the browser closes its connection.

        A connection that this machine does not know is not watched: it is another machine's, or was closed already by
        both sides.

        :param name: the value of HEADER, or None
        """
        asked = connection(name)
        return NOT_WATCHED if asked is None else self._watched(name, asked)

    @contextlib.contextmanager
    def _watched(self, name, asked):
        if states([asked]).get(asked) is UNKNOWN:
            self._log_unknown(name)
            yield
            return
        greenlet = gevent.getcurrent()
        self._connections[greenlet] = asked
        if self._timer is None:
            self._timer = get_hub().loop.timer(STEP, STEP)
            self._timer.start(self._look)
        try:
            yield
        finally:
            del self._connections[greenlet]
            if not self._connections:
                self._timer.stop()
                self._timer.close()
                self._timer = None

    def _log_unknown(self, name):
        if not self._logged:
            self._logged = True
            _logger.warning("The dispatcher names connections that this machine does not know, such as %r: polls "
                            "whose browsers close them are held until their timeout.", name)

    def _look(self):
        found = states(list(set(self._connections.values())))
        for greenlet, asked in list(self._connections.items()):
            # The end of another poll, a line ago, may have ended this one too.
            still = self._connections.get(greenlet) is asked
            if still and found.get(asked, TCP_ESTABLISHED) != TCP_ESTABLISHED:
                greenlet.throw(BrowserDisconnected)     # from the event loop: the poll is not at work just now
