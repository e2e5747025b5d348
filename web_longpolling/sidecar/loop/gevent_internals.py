# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What this package uses of gevent beyond its documented interface.

``setup.py`` bounds gevent's versions for it, and ``tests/unit/test_gevent_internals.py`` fails when a version no longer
has one of these names. Documented and therefore not here: the methods of WSGIHandler that ``wire/server.py`` overrides
(they are listed in OVERRIDDEN, for that test).
"""
from gevent._monitor import PeriodicMonitoringThread

__all__ = ['PeriodicMonitoringThread', 'OVERRIDDEN', 'kernel_socket']

# Of WSGIHandler; wire/server.py calls or overrides them.
OVERRIDDEN = ('read_requestline', 'read_request', '_handle_client_error', 'get_environ', 'handle_error',
              '_send_error_response_if_possible', 'log_request', 'format_request', '_write_with_headers', '_write',
              '_sendall')


def kernel_socket(sock):
    """The socket below gevent's: gevent's own would wait, which the event loop itself can't."""
    return sock._sock
