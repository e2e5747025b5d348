# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The head of a request, read as RFC 9112 says: what it calls malformed is 400 here, and gevent is not asked.

Numbers in the comments are sections of RFC 9112, unless another one is named.
"""
import re
import sys

from ...errors import BadRequest, HeadTooLarge, LineTooLong, TooLarge, VersionNotSupported
from . import incoming

if sys.version_info[0] > 2:
    from urllib.parse import unquote_to_bytes

    def native(octets):
        return octets.decode('latin-1')

    def _unquoted(path):
        return unquote_to_bytes(path).decode('latin-1')
else:
    from urllib import unquote as _unquoted

    def native(octets):
        return octets

# Bytes of the request line (RFC 9112 asks for 8,000 at least; nginx and Apache allow as many).
MAX_LINE = 8192
# What the header lines of a request may have together. Dispatchers allow about half of both: nginx 32 KB
# (large_client_header_buffers), Apache 100 lines (LimitRequestFields).
HEAD_BYTES = 65536
HEAD_LINES = 100

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(r'(%s) ([\x21-\x7e\x80-\xff]+) HTTP/([0-9])\.([0-9])\Z' % _TOKEN)
_FIELD = re.compile(r'(%s):([\t\x20-\x7e\x80-\xff]*)\Z' % _TOKEN)
_ABSOLUTE = re.compile(r'https?://([^/?#]+)', re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]*\Z")
_LENGTH = re.compile(r'[0-9]+\Z')


class Head(object):
    """What a request says before its body.

    line: the request line
    method, path, query: as they were sent
    version: 'HTTP/1.0' or 'HTTP/1.1'
    fields: dict of the header lines by their name in the environment of WSGI, such as 'HTTP_COOKIE'; those of the same
        name are joined, and names with an underscore, which look like others there, are left out
    length: bytes of the body; None if it comes in chunks
    size: bytes of all of it
    """

    __slots__ = ('line', 'method', 'path', 'query', 'version', 'fields', 'length', 'size')

    def closes(self):
        """Whether the client wants the connection closed after the answer (9.3)."""
        wishes = [wish.strip() for wish in self.fields.get('HTTP_CONNECTION', '').lower().split(',')]
        return 'close' in wishes or (self.version == 'HTTP/1.0' and 'keep-alive' not in wishes)

    def add_to(self, environ):
        """Write the head into an environment of WSGI."""
        environ.update(self.fields, REQUEST_METHOD=self.method, SCRIPT_NAME='', PATH_INFO=_unquoted(self.path),
                       QUERY_STRING=self.query, SERVER_PROTOCOL=self.version)


def read(source):
    """The Head of the next request.

    :param source: the connection's Incoming
    :raises BadRequest, LineTooLong, HeadTooLarge, VersionNotSupported, TooLarge:
    """
    lines = _lines(source)
    head = Head()
    head.size = sum(len(line) for line in lines)
    host = _read_request_line(head, lines[0])
    head.fields = _fields(lines[1:])
    _check_host(head)
    if host is not None:
        head.fields['HTTP_HOST'] = host     # whatever the header says (3.2.2); the hosts' werkzeug does so as well
        _check_host(head)
    head.length = _length(head)
    return head


def _lines(source):
    try:
        line = source.line(MAX_LINE)
        if line == b'\r\n':                 # one that is too many after a body is ignored (2.2)
            line = source.line(MAX_LINE)
        if line == b'\r\n':
            raise BadRequest("The head has no request line.")
    except incoming.LineTooLong:
        raise LineTooLong("The request line has more than %d bytes." % MAX_LINE)
    except incoming.EndOfConnection:
        raise BadRequest("The head ends early.")
    lines, size = [], 0
    try:
        while line != b'\r\n':
            lines.append(_checked(line))
            line = source.line(HEAD_BYTES - size)
            size += len(line)
            if len(lines) > HEAD_LINES + 1:     # the first one is the request line
                raise _too_large()
    except incoming.LineTooLong:
        raise _too_large()
    except incoming.EndOfConnection:
        raise BadRequest("The head ends early.")
    return lines


def _too_large():
    return HeadTooLarge("The head has more than %d bytes or %d lines." % (HEAD_BYTES, HEAD_LINES))


def _checked(line):
    # A line ends with CR LF, and neither stands anywhere else (2.2).
    if not line.endswith(b'\r\n') or b'\r' in line[:-2]:
        raise BadRequest("A line of the head does not end as HTTP says.")
    return native(line[:-2])


def _read_request_line(head, line):
    """Returns the host that an absolute address names, or None."""
    found = _REQUEST_LINE.match(line)
    if not found:
        raise BadRequest("The request line is malformed.")
    head.line = line
    head.method, target, major, minor = found.groups()
    if major != '1':
        raise VersionNotSupported("This server speaks HTTP/1.1.")
    head.version = 'HTTP/1.0' if minor == '0' else 'HTTP/1.1'
    absolute = _ABSOLUTE.match(target)      # must be understood, though no browser sends it (3.2.2)
    if absolute:
        target = target[absolute.end():]
        target = target if target.startswith('/') else '/' + target
    head.path, _, head.query = target.partition('?')
    if not target.startswith('/') or '\0' in _unquoted(head.path):
        raise BadRequest("The request does not name a path.")
    return absolute.group(1) if absolute else None


def _fields(lines):
    fields = {}
    for line in lines:
        found = _FIELD.match(line)      # no space before the colon (5.1), no line that goes on (5.2), no NUL (RFC 9110)
        if not found:
            raise BadRequest("A header line is malformed.")
        name, value = found.group(1), found.group(2).strip(' \t')
        if '_' in name:
            continue
        name = name.replace('-', '_').upper()
        if name not in ('CONTENT_TYPE', 'CONTENT_LENGTH'):
            name = 'HTTP_' + name
        if name in fields:
            value = fields[name] + ('; ' if name == 'HTTP_COOKIE' else ',') + value
        fields[name] = value
    return fields


def _check_host(head):
    host = head.fields.get('HTTP_HOST')
    if host is None and head.version == 'HTTP/1.0':
        return
    # Two of them were joined with a comma by now.
    if host is None or ',' in host or not _HOST.match(host):
        raise BadRequest("A request has one header Host, the name of a host.")


def _length(head):
    """The bytes of the body; None if it comes in chunks. No body that two readers could take for two (6.3)."""
    encoding = head.fields.get('HTTP_TRANSFER_ENCODING')
    length = head.fields.get('CONTENT_LENGTH')
    if encoding is not None:
        if length is not None or encoding.lower() != 'chunked' or head.version == 'HTTP/1.0':
            raise BadRequest("The body's length is not given as HTTP/1.1 requires: chunked alone, or Content-Length.")
        return None
    if length is None:
        return 0
    lengths = set(each.strip(' \t') for each in length.split(','))
    length = lengths.pop()
    if lengths or not _LENGTH.match(length):
        raise BadRequest("Content-Length is one number.")
    length = length.lstrip('0')
    if len(length) > 15:
        raise TooLarge("The body is too large.")
    head.fields['CONTENT_LENGTH'] = length or '0'
    return int(length or 0)
