# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What comes on a connection: gevent.pywsgi's ``rfile``, that keeps no buffer while it waits.

Python's own buffered file would cost each held poll more than a kilobyte, and what it has read ahead can't be added to.
"""
import errno
import socket

from ..loop.gevent_internals import kernel_socket

# Bytes that are asked for at once: most requests come whole.
READ_AHEAD = 4096

# Bytes that are read, and kept, of the requests that follow one that is held.
MAX_PIPELINED = 65536


class EndOfConnection(Exception):
    """The client has closed its side in the midst of a request."""


class LineTooLong(Exception):
    """A line has more bytes than were allowed."""


class Incoming(object):
    """The bytes that have come on a connection and were not yet taken.

    socket: the connection's gevent socket
    """

    __slots__ = ('socket', '_ahead')

    closed = False      # gevent asks whether there may be another request; the socket's timeout decides

    def __init__(self, sock):
        self.socket = sock
        self._ahead = b''

    def wait(self):
        """Wait for the first byte of a request; False if the client closes instead.

        :raises socket.timeout: after the socket's own timeout
        """
        return bool(self._ahead) or self._more()

    def has_head(self):
        """Whether a head is here to its end, so that nobody waits while it is read."""
        return b'\r\n\r\n' in self._ahead

    def has(self, size):
        """Whether so many bytes are here."""
        return len(self._ahead) >= size

    def line(self, most):
        """The next line, its end included.

        :param most: bytes that it may have
        :raises LineTooLong, EndOfConnection:
        """
        begin = 0
        while True:
            end = self._ahead.find(b'\n', begin, most) + 1
            if end:
                return self._take(end)
            begin = len(self._ahead)
            if begin >= most:
                raise LineTooLong()
            if not self._more():
                raise EndOfConnection()

    def read(self, size):
        """Exactly `size` bytes.

        :raises EndOfConnection:
        """
        if len(self._ahead) >= size:
            return self._take(size)
        parts, missing = [self._take(len(self._ahead))], size
        while True:
            missing -= len(parts[-1])
            if not missing:
                return b''.join(parts)
            parts.append(self.socket.recv(min(missing, 65536)))
            if not parts[-1]:
                raise EndOfConnection()

    def look(self):
        """Take what has come, without waiting. The event loop itself may call this.

        :returns: whether the client is still there, and has not sent more than MAX_PIPELINED bytes ahead
        """
        try:
            data = kernel_socket(self.socket).recv(READ_AHEAD, socket.MSG_DONTWAIT)
        except EnvironmentError as error:
            return error.errno in (errno.EAGAIN, errno.EWOULDBLOCK)
        self._ahead += data
        return bool(data) and len(self._ahead) <= MAX_PIPELINED

    def _more(self):
        data = self.socket.recv(READ_AHEAD)
        self._ahead += data
        return bool(data)

    def _take(self, size):
        taken, self._ahead = self._ahead[:size], self._ahead[size:]
        return taken
