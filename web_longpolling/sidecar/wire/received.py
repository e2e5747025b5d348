# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""werkzeug's Request, whose cookies are read in time that grows with their length alone.

Werkzeug 0.9.6, which OpenERP 7.0 needs, looks for each cookie by an expression that may go on to the end of the header:
24 KB of semicolons take it 3.7 seconds, in which everybody waits.
"""
import re
import sys

import werkzeug.wrappers
from werkzeug.utils import cached_property

# An escape in a quoted value: a character by its octal number, or itself.
_ESCAPE = re.compile(br'\\([0-3][0-7][0-7]|.)', re.DOTALL)


class Received(werkzeug.wrappers.Request):
    """A request as it came."""

    def __init__(self, environ):
        # Not in its own environ: the two would stay in memory until the next garbage collection of old objects.
        werkzeug.wrappers.Request.__init__(self, environ, populate_request=False)

    @cached_property
    def cookies(self):
        """The cookies by name; of two of the same name the one that the host itself would take."""
        return self.dict_storage_class(_pairs(self.environ.get('HTTP_COOKIE', '')))


def _pairs(header):
    octets = header if isinstance(header, bytes) else header.encode('latin-1')
    for cookie in octets.split(b';'):
        name, _, value = cookie.partition(b'=')
        name, value = name.strip(), value.strip()
        if name:
            if len(value) > 1 and value[:1] == value[-1:] == b'"':
                value = _ESCAPE.sub(_unescaped, value[1:-1])
            yield _native(name), value.decode('utf-8', 'replace')


def _unescaped(found):
    escaped = found.group(1)
    return escaped if len(escaped) == 1 else bytes(bytearray([int(escaped, 8)]))


def _native(name):
    return name.decode('utf-8', 'replace') if sys.version_info[0] > 2 else name
