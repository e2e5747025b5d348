# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Which site the page is of that sends a poll: its user's cookie comes along whoever made the browser send it.

A browser says it by ``Sec-Fetch-Site`` (W3C Fetch Metadata) on https pages and localhost, and everywhere by ``Origin``
(RFC 6454) with a POST. Who is no browser sends neither, and has no cookies of somebody else.
"""
import logging

_logger = logging.getLogger(__name__)

_DEFAULT_PORTS = {'http': ':80', 'https': ':443'}

_logged = set()


def is_foreign(environ):
    """Whether a page of another site sends this request.

    :param environ: of WSGI, as the browser sees the server: see ``proxy.py``
    """
    site = environ.get('HTTP_SEC_FETCH_SITE')
    if site == 'cross-site':
        return True
    origin = environ.get('HTTP_ORIGIN')
    if origin is None or site in ('same-origin', 'none'):
        return False
    scheme, _, name = origin.lower().partition('://')
    if not name:
        return True     # 'null': a sandboxed frame, a file, a data: address
    host = environ.get('HTTP_HOST', '').lower()
    if _without(name, scheme) in (_without(host, 'http'), _without(host, 'https')):
        return False
    # A dispatcher that names us instead of the host that the browser asked (nginx's default, so that of the shortest
    # configuration): what the page's host is can't be known.
    if host == _own_name(environ):
        return False
    _log(host, name)
    return True


def _without(name, scheme):
    port = _DEFAULT_PORTS.get(scheme)
    return name[:-len(port)] if port and name.endswith(port) else name


def _own_name(environ):
    address = environ['longpolling.incoming'].socket.getsockname()
    if not isinstance(address, tuple):
        return 'localhost'      # a Unix socket: what nginx says then
    return ('[%s]:%s' if ':' in address[0] else '%s:%s') % address[:2]


def _log(host, name):
    if host not in _logged and len(_logged) < 100:      # the client's text: bounded
        _logged.add(host)
        _logger.warning("A page of %.200r polls %.200r, and is refused as one of another site. If it is not, let the "
                        "dispatcher pass the header Host on, or X-Forwarded-Host with proxy_mode.", name, host)
