# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The browser behind the dispatcher: what the hosts do with ``proxy_mode`` (werkzeug's ProxyFix)."""


def see_browser(environ):
    """Let the environment of WSGI hold the browser's address, and the scheme and host that it asked.

    As on the hosts, only where the dispatcher names the host, and from the last dispatcher alone: what stands before it
    is the client's own text.
    """
    host = _last(environ, 'HTTP_X_FORWARDED_HOST')
    if not host:
        return
    environ['HTTP_HOST'] = host
    environ['REMOTE_ADDR'] = _last(environ, 'HTTP_X_FORWARDED_FOR') or environ['REMOTE_ADDR']
    environ['wsgi.url_scheme'] = _last(environ, 'HTTP_X_FORWARDED_PROTO') or environ['wsgi.url_scheme']


def _last(environ, name):
    return environ.get(name, '').rpartition(',')[2].strip()
