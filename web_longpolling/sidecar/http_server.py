# -*- coding: utf-8 -*-
"""gevent's HTTP server, with what long polling needs of it."""
import logging
import socket

from gevent.pywsgi import LoggingLogAdapter, WSGIHandler, WSGIServer

_logger = logging.getLogger(__name__)


class PollHandler(WSGIHandler):
    """One connection of a browser or dispatcher; gevent calls it in a greenlet of its own."""

    def __init__(self, *args, **kwargs):
        WSGIHandler.__init__(self, *args, **kwargs)
        self._segment = None
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get_environ(self):
        environ = WSGIHandler.get_environ(self)
        environ['longpolling.socket'] = self.socket
        return environ

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
    """The sidecar's listening socket."""

    handler_class = PollHandler

    def __init__(self, listener, application):
        """
        :param listener: a bound, listening gevent socket
        :param application: the WSGI application
        """
        access_log = LoggingLogAdapter(_logger, logging.DEBUG) if _logger.isEnabledFor(logging.DEBUG) else None
        WSGIServer.__init__(self, listener, application, log=access_log,
                            error_log=LoggingLogAdapter(_logger, logging.WARNING))
