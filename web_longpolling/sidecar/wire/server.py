# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""gevent's HTTP server, with what long polling needs of it.

::

    PollHandler.read_requestline     the first byte of a request, or the connection has been idle for IDLE_TIME
    PollHandler.read_request         head (head.py) and body (body.py), each in its time                     400, 408,
      on failure: _handle_client_error       one sentence, one line of the log, and the connection is closed  413, 414,
    PollHandler.get_environ          what of it WSGI asks for                                                 431, 505
    Application.respond
    PollHandler._write_with_headers  head and body of the answer, in one segment
"""
import errno
import logging
import socket
import sys

import gevent
from gevent.pool import Pool
from gevent.pywsgi import LoggingLogAdapter, WSGIHandler, WSGIServer

from ...errors import PollError, TooSlow
from ..loop.gevent_internals import kernel_socket
from . import body, head, proxy, responses
from .disconnect import ClientDisconnected
from .incoming import Incoming

_logger = logging.getLogger(__name__)

# Seconds that a connection may be idle between two requests, and that sending an answer may take in all.
IDLE_TIME = 75
# Seconds for the head of a request to arrive, from its first byte on.
HEAD_TIME = 10
# Seconds for the whole body to arrive. It comes from a dispatcher, which has read it, or in one packet.
BODY_TIME = 10

# Seconds, and bytes, in which a client whose request was refused may go on sending it. Who closes a connection with
# bytes unread resets it, and the client might never see the answer (RFC 9112, 9.6).
LINGER_TIME = 2
LINGER_BYTES = 4 << 20

# Seconds until connections are accepted again when there was no file descriptor for one.
SHORTAGE = 1.0

# How a socket of IPv6 writes an address of IPv4 (RFC 4291, 2.5.5.2).
_MAPPED = '::ffff:'

_CONTINUE = b'HTTP/1.1 100 Continue\r\n\r\n'


class PollHandler(WSGIHandler):
    """One connection of a browser or dispatcher; gevent calls it in a greenlet of its own."""

    # With these in its dict, that would have more than 21 entries, and on Python 2.7 3 KB instead of one.
    __slots__ = ('client_address', 'server', 'requestline', 'command', 'request_version', 'headers', '_segment',
                 '_responding')

    def __init__(self, sock, address, server):
        WSGIHandler.__init__(self, sock, _plain(address), server, Incoming(sock))
        self.requestline = self.command = self.request_version = self.headers = None
        self._segment = None
        self._responding = False
        if isinstance(address, tuple):
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # For reading and sending alone: a held poll does neither, and so has no timer of it.
        self.socket.settimeout(IDLE_TIME)

    # The methods from here on do not stand on the stack while a poll is held: each that does, costs every poll the
    # memory of its frame, and on Python 2.7 a kilobyte of C's stack besides.

    def read_requestline(self):
        # gevent takes an empty one for the end of the connection; `read_request` reads the line itself.
        return 'a request' if self.rfile.wait() else ''

    def read_request(self, _):
        self.command = None
        # Most requests are here already, and need no timer.
        if self.rfile.has_head():
            received = head.read(self.rfile)
        else:
            with gevent.Timeout(HEAD_TIME, TooSlow("The head did not arrive within %d seconds." % HEAD_TIME)):
                received = head.read(self.rfile)
        self.requestline = received.line
        self.command = received.method
        self.request_version = received.version
        self.close_connection = received.closes()
        if received.length != 0 and received.fields.get('HTTP_EXPECT', '').lower() == '100-continue':
            self.socket.sendall(_CONTINUE)
        if received.length is not None and self.rfile.has(received.length):
            octets = body.read(self.rfile, received.length)
        else:
            with gevent.Timeout(BODY_TIME, TooSlow("The body did not arrive within %d seconds." % BODY_TIME)):
                octets = body.read(self.rfile, received.length)
        self.wsgi_input = body.Body(octets)
        self.headers = received
        return True

    def get_environ(self):
        environ = self.server.get_environ()
        self.headers.add_to(environ)
        environ['longpolling.head_bytes'] = self.headers.size
        self.headers = None     # they are in the environ now; a held poll would keep them twice
        environ['REMOTE_ADDR'], environ['REMOTE_PORT'] = self.client_address[0], str(self.client_address[1])
        environ['wsgi.input'] = self.wsgi_input
        environ['wsgi.input_terminated'] = True
        environ['longpolling.socket'] = self.socket
        environ['longpolling.incoming'] = self.rfile
        if self.server.proxy_mode:
            proxy.see_browser(environ)
        self._responding = True
        self.server.responding += 1
        return _right_sized(environ)

    def _handle_client_error(self, ex):
        """Answer a request that was refused before it had an environ; returns None, for gevent to close."""
        self.close_connection = True
        if isinstance(ex, EnvironmentError):
            return      # the client is gone
        if isinstance(ex, PollError):
            _logger.warning("A request from %s was refused with %d: %s", self.client_address[0], ex.code, ex)
            answer = responses.failure(ex)
        else:
            _logger.error("A request from %s could not be read", self.client_address[0], exc_info=True)
            answer = responses.INTERNAL_ERROR
        try:
            self.socket.sendall(responses.raw(answer, self.command))
            self._linger()
        except EnvironmentError:
            pass

    def _linger(self):
        self.socket.shutdown(socket.SHUT_WR)
        left = LINGER_BYTES
        with gevent.Timeout(LINGER_TIME, False):
            while left > 0:
                data = self.socket.recv(65536)
                if not data:
                    return
                left -= len(data)

    def handle_error(self, kind, error, traceback):
        if issubclass(kind, ClientDisconnected):
            self.close_connection = True
            self._orig_status = 'hung up'       # for the log; there is nobody to answer
        elif issubclass(kind, EnvironmentError):      # of the connection: the application lets none of its own out
            self.close_connection = True
        else:
            WSGIHandler.handle_error(self, kind, error, traceback)

    def _send_error_response_if_possible(self, _):
        self.close_connection = True
        if not self.response_length:
            try:
                self._sendall(responses.raw(responses.INTERNAL_ERROR, self.command))
            except EnvironmentError:
                pass

    def log_request(self):
        # Called when all has been sent.
        if self._responding:
            self._responding = False
            self.server.responding -= 1
        if self.server.logs_requests:       # gevent puts the line together even if nobody reads it
            WSGIHandler.log_request(self)

    def format_request(self):
        who = self.environ.get('longpolling.who')
        return '%s "%s" %s, %d bytes, %.3f s, %s' % (
            self.client_address[0], self.requestline, self._orig_status or 'no answer', self.response_length,
            self.time_finish - self.time_start, 'user %s of %s' % (who[1], who[0]) if who is not None else 'nobody')

    def _write_with_headers(self, data):
        # gevent sends head and body apart. A client that delays its ACKs then waits 40 ms for the
        # body (Nagle's algorithm, RFC 896); in one segment it has both at once.
        self._segment = bytearray()
        try:
            WSGIHandler._write_with_headers(self, data)
            segment = self._segment
        finally:
            self._segment = None
        # The kernel takes most answers whole. gevent's sendall would ask for the size of its buffer, each time.
        try:
            sent = kernel_socket(self.socket).send(segment, socket.MSG_DONTWAIT)
        except EnvironmentError:
            sent = 0        # it can't just now; or not at all, which sendall reports
        self.response_length += sent
        if sent < len(segment):
            self._sendall(segment[sent:])

    def _write(self, data):
        if self.command != 'HEAD':      # its answer has the head alone (RFC 9110, 9.3.2)
            WSGIHandler._write(self, data)

    def _sendall(self, data):
        if self._segment is None:
            WSGIHandler._sendall(self, data)
        else:
            self._segment += data


def _plain(address):
    """(address, port) of a client as people write it; ('unix', 0) if it came by a Unix socket."""
    if not isinstance(address, tuple):
        return 'unix', 0
    return (address[0][len(_MAPPED):] if address[0].startswith(_MAPPED) else address[0],) + address[1:]


def _right_sized(environ):
    """The same dict with no more room than it needs while its poll is held.

    Python 2.7 gives one of 22 to 85 entries room for 85, which is 3 KB; a copy has room for half of them.
    """
    return environ.copy() if sys.version_info[0] == 2 else environ


class PollServer(WSGIServer):
    """The sidecar's listening socket.

    responding: how many requests are being answered, those of held polls among them
    """

    handler_class = PollHandler

    def __init__(self, listener, application, most_connections, proxy_mode=False):
        """
        :param listener: a bound, listening gevent socket
        :param application: the WSGI application
        :param most_connections: how many connections are accepted; further ones wait in the kernel's queue
        :param proxy_mode: whether X-Forwarded-… is believed, as on the host
        """
        self.responding = 0
        self.proxy_mode = proxy_mode
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
