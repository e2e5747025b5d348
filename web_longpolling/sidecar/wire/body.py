# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The body of a request: read whole before anybody looks at it, so that no poll waits for its client afterwards."""
import re

from ...errors import BadRequest, TooLarge
from . import incoming

# Bytes. Parameters say which news are wanted; nobody needs a megabyte for that.
MAX_BODY = 1024 * 1024

# Of the line before a chunk, and of the trailers behind the last one, which nobody looks at. A chunk has one byte at
# least, so a body of MAX_BODY bytes could come in as many chunks.
MAX_CHUNK_LINE = 1024
MAX_TRAILERS = 8192
MAX_CHUNKS = 16384

# RFC 9112, 7.1; what says more than MAX_BODY does, with or without zeros before, need not be understood.
_CHUNK = re.compile(br'0*([0-9A-Fa-f]{1,8})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n\Z')

_TRAILER = re.compile(br"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n\Z")


class Body(object):
    """``wsgi.input`` of a request: a body that is here already, until somebody takes it."""

    __slots__ = ('_data',)

    def __init__(self, data):
        self._data = data

    def take(self):
        """All of it, as bytes; it is kept no longer."""
        return self.read()

    def read(self, size=-1):
        size = len(self._data) if size is None or size < 0 else size
        taken, self._data = self._data[:size], self._data[size:]
        return taken

    def readline(self, size=-1):
        line = self._data.find(b'\n') + 1 or len(self._data)
        return self.read(line if size is None or size < 0 else min(line, size))

    def readlines(self, hint=None):
        return list(self)

    def __iter__(self):
        return iter(self.readline, b'')

    def _discard(self):
        pass        # gevent reads here what the application has left


def read(source, length):
    """The body, as bytes.

    :param source: the connection's Incoming
    :param length: bytes, or None for chunks
    :raises BadRequest, TooLarge:
    """
    if length is not None and length > MAX_BODY:
        raise _too_large()
    try:
        return source.read(length) if length is not None else _chunks(source)
    except (incoming.EndOfConnection, incoming.LineTooLong):
        raise _malformed()


def _chunks(source):
    parts, size = [], 0
    for _ in range(MAX_CHUNKS):
        found = _CHUNK.match(source.line(MAX_CHUNK_LINE))
        if not found:
            raise _malformed()
        length = int(found.group(1), 16)
        if not length:
            _skip_trailers(source)
            return b''.join(parts)
        size += length
        if size > MAX_BODY:
            raise _too_large()
        parts.append(source.read(length))
        if source.read(2) != b'\r\n':
            raise _malformed()
    raise TooLarge("The body comes in more than %d chunks." % MAX_CHUNKS)


def _skip_trailers(source):
    left = MAX_TRAILERS
    while True:
        line = source.line(left)
        if line == b'\r\n':
            return
        if not _TRAILER.match(line):
            raise _malformed()
        left -= len(line)


def _too_large():
    return TooLarge("A poll may send %d bytes of parameters at most." % MAX_BODY)


def _malformed():
    return BadRequest("The body ends early, or its chunks are malformed.")
