# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What a poll is answered with. ``errors.py`` holds the status of each failure.

An answer is built once as plain bytes, so that thousands of polls can be sent
the same one.
"""
import collections
import json

from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Response

from ..news.events import EventBatch, is_json

try:
    text = unicode
except NameError:
    text = str


# How an answer carries the page's position.
POSITION = 'X-Longpolling-Position'

# What every answer carries: it is meant for the one who asked, and for nothing else than what it says it is.
PROTECTING = (('Cache-Control', 'no-store'), ('X-Content-Type-Options', 'nosniff'))


class NotSendable(Exception):
    """A controller's answer is none that can be sent: 500, and one line in the log."""


class Answer(collections.namedtuple('Answer', 'status headers body')):
    """What goes back to the browser.

    status: a native str such as '200 OK'
    headers: a list of (name, value), native str
    body: bytes
    """

    __slots__ = ()


def plain(code, content_type, body, *headers):
    """An Answer with this status code, content type (native str), body (bytes) and further headers."""
    headers = [('Content-Type', content_type), ('Content-Length', str(len(body)))] + list(PROTECTING + headers)
    return Answer('%d %s' % (code, HTTP_STATUS_CODES[code]), headers, body)


def success(mode, value, json_default, position=None):
    """The answer that carries what a controller returned.

    :param mode: the route's mode
    :param json_default: what turns the host's own types into JSON, as for ``json.dumps``
    :param position: native str, the position that the page has after it; None if the controller has waited for nothing
    :returns: an Answer
    :raises TypeError, ValueError, NotSendable: if the value does not fit the mode
    """
    headers = [] if position is None else [(POSITION, position)]
    if mode == 'json':
        if isinstance(value, EventBatch) and value['position'] == position:
            return value.shared(lambda: plain(200, 'application/json', value.encoded(), *headers))
        body = json.dumps(value, default=lambda other: dict(other) if isinstance(other, EventBatch)
                          else json_default(other), allow_nan=False)
        return plain(200, 'application/json', body.encode('utf-8'), *headers)
    if isinstance(value, Response):
        answer = of_controller(value)
        return answer._replace(headers=answer.headers + headers)
    if isinstance(value, text):
        return plain(200, 'text/html; charset=utf-8', value.encode('utf-8'), *headers)
    if isinstance(value, bytes):
        return plain(200, 'text/html; charset=utf-8', value, *headers)
    raise TypeError("A controller of mode 'http' returns str, bytes or a werkzeug Response, not %s."
                    % type(value).__name__)


def of_controller(response):
    """The Answer of a controller's own werkzeug Response.

    :raises NotSendable: if it is a stream, which would go on past its poll, or a header is none
    """
    if response.is_streamed or response.direct_passthrough:
        raise NotSendable("a Response with a generator or a file, but a poll is answered at once and whole: give the "
                          "Response a str or bytes")
    try:
        body = b''.join(response.iter_encoded())
    finally:
        response.close()
    headers = [(name, _header(name, value)) for name, value in response.headers if name.lower() not in _OURS]
    code = response.status_code
    if not 200 <= code < 600:
        raise NotSendable("a Response with the status %d" % code)
    if code in (204, 304):
        body = b''
    else:
        headers.append(('Content-Length', str(len(body))))
    return Answer(_header('status', response.status), headers + list(PROTECTING), body)


def of_abort(error):
    """The Answer of a werkzeug HTTPException that a controller raised.

    :raises NotSendable: if it carries a Response that can't be sent
    """
    if error.response is not None:
        return of_controller(error.response)
    code = error.code if error.code in HTTP_STATUS_CODES and error.code >= 200 else 500
    return refusal(code, text(error.description or error.name))


def _header(name, value):
    """`value` as a native str.

    :raises NotSendable: if it has no form in the head of an answer
    """
    try:
        value = value if isinstance(value, str) and isinstance(value, bytes) else value.encode('latin-1')
        value = value if isinstance(value, str) else value.decode('latin-1')
    except (AttributeError, UnicodeError):
        value = None
    if value is None or set('\r\n\0') & set(value):
        raise NotSendable("a Response whose %s has no form in HTTP" % name)
    return value


def refusal(code, sentence, *headers):
    """The answer that names in one sentence the reason why the browser gets nothing."""
    body = json.dumps({'error': sentence}).encode('utf-8')
    return plain(code, 'application/json', body, *headers)


def raw(answer, method=None):
    """The Answer as it goes over the connection, which is closed after it.

    :param method: of the request, if that is known
    """
    lines = ['HTTP/1.1 ' + answer.status]
    lines += ['%s: %s' % header for header in answer.headers if header[0] != 'Connection']
    lines += ['Connection: close', '', '']
    return '\r\n'.join(lines).encode('latin-1') + (b'' if method == 'HEAD' else answer.body)


def failure(error):
    """The answer to a poll that ended with a PollError."""
    return refusal(error.code, str(error), *error.headers)


def no_content(position=None):
    """Nothing happened until the timeout; or there is a position alone.

    :param position: as for :func:`success`
    """
    if position is None:
        return NO_CONTENT
    return Answer(NO_CONTENT.status, NO_CONTENT.headers + [(POSITION, position)], b'')


# What a controller's own Response does not decide: the connection, and what every answer has.
_OURS = frozenset(['connection', 'content-length', 'keep-alive', 'trailer', 'transfer-encoding', 'upgrade'] +
                  [name.lower() for name, _ in PROTECTING])

# A 204 has neither a body nor a length (RFC 9110, 8.6).
NO_CONTENT = Answer('204 No Content', list(PROTECTING), b'')

INTERNAL_ERROR = refusal(500, "The controller failed; the server's log says why.")


def is_stopping(answer):
    """Whether an answer sends the browser elsewhere, since this sidecar stops."""
    return ('X-Longpolling', 'stopping') in answer.headers


def taken_apart(answer, trusted):
    """An answer as a part of another one.

    :param trusted: whether what says that it is JSON is ours; a controller's own Response may say anything
    :returns: the status code; the headers, a dict by name; the body, bytes; whether that is JSON
    """
    headers = dict(answer.headers)
    says_json = headers.get('Content-Type', '').partition(';')[0].strip() == 'application/json'
    return int(answer.status[:3]), headers, answer.body, says_json and (trusted or is_json(answer.body))
