# -*- coding: utf-8 -*-
"""gevent's HTTP server, with what long polling needs of it."""
import errno
import io
import logging
import socket
import sys

import gevent
from gevent.pool import Pool
from gevent.pywsgi import LoggingLogAdapter, WSGIHandler, WSGIServer

from ..loop.gevent_internals import headers_factory

_logger = logging.getLogger(__name__)

# Seconds that a connection may be idle between two requests, and that sending may stand still.
IDLE_TIME = 75
# Seconds for the head of a request to arrive, once it has begun.
HEAD_TIME = 10
# What the header lines of a request may have together. Dispatchers allow about half of both: nginx 32 KB
# (large_client_header_buffers), Apache 100 lines (LimitRequestFields). Python 3 itself takes no more than 100 lines,
# the empty one among them (http.client), Python 2.7 as many as come.
HEAD_BYTES = 65536
HEAD_LINES = 100
# How many bytes more of a head that is too large are read, and thrown away.
HEAD_REST = 1 << 20

# Bytes that are read from a connection at once, and kept for it: a whole request as browsers send them, a fraction of
# Python's own 8 KB.
READ_AHEAD = 1024

# Seconds until connections are accepted again when there was no file descriptor for one.
SHORTAGE = 1.0

_HEAD_TOO_SLOW = (b'HTTP/1.1 408 Request Timeout\r\n'
                  b'Connection: close\r\n'
                  b'Content-Length: 0\r\n\r\n')
_HEAD_TOO_LARGE = (b'HTTP/1.1 431 Request Header Fields Too Large\r\n'
                   b'Connection: close\r\n'
                   b'Content-Length: 0\r\n\r\n')


class HeadTooSlow(ValueError):
    """The head of a request did not arrive in time: 408."""


class HeadTooLarge(ValueError):
    """The head of a request is larger than HEAD_BYTES or HEAD_LINES: 431."""


def read_head(rfile):
    """The header lines of a request, the empty line at their end among them.

    :param rfile: where they come from, a buffered binary file
    :returns: bytes
    :raises HeadTooLarge: when the head has ended, or after HEAD_REST. Who closes a connection with bytes unread resets
        it, and the client might never see the answer (RFC 9112, 9.6)
    """
    head, size, lines = [], 0, 0
    while size < HEAD_BYTES + HEAD_REST:
        line = rfile.readline(HEAD_BYTES)
        size += len(line)
        lines += 1
        fits = size <= HEAD_BYTES and lines <= HEAD_LINES
        if fits:
            head.append(line)
        if line in (b'\r\n', b'\n', b''):
            if fits:
                return b''.join(head)
            break
    raise HeadTooLarge()


def _reader(sock):
    if sys.version_info[0] > 2:
        return sock.makefile('rb', READ_AHEAD)
    return socket._fileobject(sock, 'rb', READ_AHEAD)   # makefile would give each connection a second socket object


class PollHandler(WSGIHandler):
    """One connection of a browser or dispatcher; gevent calls it in a greenlet of its own."""

    def __init__(self, sock, address, server):
        WSGIHandler.__init__(self, sock, address, server, _reader(sock))
        self._segment = None
        self._responding = False
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # For reading and sending alone: a held poll does neither, and so has no timer of it.
        self.socket.settimeout(IDLE_TIME)

    # The methods from here on do not stand on the stack while a poll is held: each that does, costs every poll the
    # memory of its frame, and on Python 2.7 a kilobyte of C's stack besides.

    def read_request(self, raw_requestline):
        with gevent.Timeout(HEAD_TIME, HeadTooSlow):
            return WSGIHandler.read_request(self, raw_requestline)

    def MessageClass(self, rfile, *args):
        return headers_factory(io.BytesIO(read_head(rfile)), *args)

    def _handle_client_error(self, ex):
        if isinstance(ex, HeadTooSlow):
            return '408', _HEAD_TOO_SLOW
        if not isinstance(ex, HeadTooLarge):
            return WSGIHandler._handle_client_error(self, ex)
        _logger.warning("A request from %s was refused with 431: its head has more than %d bytes or %d lines. "
                        "If this is a page of yours, look at its cookies.",
                        self.client_address, HEAD_BYTES, HEAD_LINES)
        return '431', _HEAD_TOO_LARGE

    def get_environ(self):
        environ = WSGIHandler.get_environ(self)
        environ['longpolling.socket'] = self.socket
        self.headers = None     # they are in the environ now; a held poll would keep them twice
        self._responding = True
        self.server.responding += 1
        return environ

    def log_request(self):
        # Called when all has been sent, and for a request that was refused before it had an environ.
        if self._responding:
            self._responding = False
            self.server.responding -= 1
        if self.server.logs_requests:       # gevent puts the line together even if nobody reads it
            WSGIHandler.log_request(self)

    def _write_with_headers(self, data):
        # gevent sends head and body apart. A client that delays its ACKs then waits 40 ms for the
        # body (Nagle's algorithm, RFC 896); in one segment it has both at once.
        self._segment = bytearray()
        try:
            WSGIHandler._write_with_headers(self, data)
            segment = self._segment
        finally:
            self._segment = None
        self._sendall(segment)

    def _sendall(self, data):
        if self._segment is None:
            WSGIHandler._sendall(self, data)
        else:
            self._segment += data


class PollServer(WSGIServer):
    """The sidecar's listening socket.

    responding: how many requests are being answered, those of held polls among them
    """

    handler_class = PollHandler

    def __init__(self, listener, application, most_connections):
        """
        :param listener: a bound, listening gevent socket
        :param application: the WSGI application
        :param most_connections: how many connections are accepted; further ones wait in the kernel's queue
        """
        self.responding = 0
        self.logs_requests = _logger.isEnabledFor(logging.DEBUG)
        self._logged = False        # that there are no descriptors
        access_log = LoggingLogAdapter(_logger, logging.DEBUG) if self.logs_requests else None
        WSGIServer.__init__(self, listener, application, spawn=Pool(most_connections), log=access_log,
                            error_log=LoggingLogAdapter(_logger, logging.WARNING))

    def do_read(self):
        """Accept a connection. gevent would log each attempt, with a traceback."""
        try:
            accepted = WSGIServer.do_read(self)
        except EnvironmentError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            if not self._logged:
                _logger.error("No connection is accepted for want of file descriptors: %s", error.strerror)
                self._logged = True
            self.stop_accepting()
            gevent.spawn_later(SHORTAGE, self._accept_again)
            return None
        if accepted and self._logged:
            _logger.info("Connections are accepted again")
            self._logged = False
        return accepted

    def _accept_again(self):
        if not self.closed:
            self.start_accepting()

    def finish(self, seconds):
        """Close what listens, and wait until what is being answered has been sent.

        :param seconds: how long that may take; then all connections are closed
        """
        self.close()
        with gevent.Timeout(seconds, False):
            while self.responding:
                gevent.sleep(0.02)
        self.stop(timeout=0)
