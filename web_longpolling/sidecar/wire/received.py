# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""werkzeug's Request, whose cookies are read in time that grows with their length alone.

Werkzeug 0.9.6, which OpenERP 7.0 needs, looks for each cookie by an expression that may go on to the end of the header:
24 KB of semicolons take it 3.7 seconds, in which everybody waits. That of Odoo 19.0 is as it should be.
"""
import re
import sys

import werkzeug.wrappers
from werkzeug.utils import cached_property

# A quoted value, up to the end of its cookie.
_QUOTED = re.compile(br'("(?:[^\\"]|\\.)*")\s*;')
# An escape in one: a character by its octal number, or itself.
_ESCAPE = re.compile(br'\\([0-3][0-7][0-7]|.)', re.DOTALL)
# What is no cookie, but what was said of one.
_PARAMETERS = frozenset([b'expires', b'path', b'comment', b'max-age', b'secure', b'httponly', b'version'])


class Received(werkzeug.wrappers.Request):
    """A request as it came."""

    def __init__(self, environ):
        # Not in its own environ: the two would stay in memory until the next garbage collection of old objects.
        werkzeug.wrappers.Request.__init__(self, environ, populate_request=False)

    if sys.version_info[0] < 3:
        @cached_property
        def cookies(self):
            """The cookies by name; of two of the same name the one that the host itself would take."""
            return self.dict_storage_class(pairs(self.environ.get('HTTP_COOKIE', '')))


def pairs(header):
    """The name and the value of each cookie as werkzeug 0.9.6 finds them, odd ones too: the same session must be meant.

    A name goes on from the end of one cookie to the next equals sign, semicolons and all.

    :param header: bytes
    """
    octets, place = header + b';', 0
    while True:
        while octets[place:place + 1] == b'=':
            place += 1
        equals = octets.find(b'=', place)
        if equals < 0:
            return
        name, place = octets[place:equals].strip(), equals + 1
        while octets[place:place + 1].isspace():
            place += 1
        quoted = _QUOTED.match(octets, place)
        end = octets.find(b';', place) if quoted is None else quoted.end() - 1
        value = octets[place:end].strip() if quoted is None else quoted.group(1)
        place = end + 1
        if name.lower() not in _PARAMETERS:
            yield _native(_unquoted(name)), _unquoted(value).decode('utf-8', 'replace')


def _unquoted(octets):
    if len(octets) > 1 and octets[:1] == octets[-1:] == b'"':
        return _ESCAPE.sub(_unescaped, octets[1:-1])
    return octets


def _unescaped(found):
    escaped = found.group(1)
    return escaped if len(escaped) == 1 else bytes(bytearray([int(escaped, 8)]))


def _native(name):
    return name.decode('utf-8', 'replace') if sys.version_info[0] > 2 else name
