# -*- coding: utf-8 -*-
"""What a poll is answered with. ``errors.py`` holds the status of each failure.

An answer is built once as plain bytes, so that thousands of polls can be sent
the same one.
"""
import collections
import json

from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Response

from ..news.events import EventBatch

try:
    text = unicode
except NameError:
    text = str


# How an answer carries the page's position.
POSITION = 'X-Longpolling-Position'


class Answer(collections.namedtuple('Answer', 'status headers body')):
    """What goes back to the browser.

    status: a native str such as '200 OK'
    headers: a list of (name, value), native str
    body: bytes
    """

    __slots__ = ()


def plain(code, content_type, body, *headers):
    """An Answer with this status code, content type (native str), body (bytes) and further headers."""
    headers = [('Content-Type', content_type), ('Content-Length', str(len(body))),
               ('Cache-Control', 'no-store')] + list(headers)
    return Answer('%d %s' % (code, HTTP_STATUS_CODES[code]), headers, body)


def success(mode, value, json_default, position=None):
    """The answer that carries what a controller returned.

    :param mode: the route's mode
    :param json_default: what turns the host's own types into JSON, as for ``json.dumps``
    :param position: native str, the position that the page has after it; None if the controller has waited for nothing
    :returns: an Answer, or in mode 'http' the controller's werkzeug Response
    :raises TypeError, ValueError: if the value does not fit the mode
    """
    headers = [] if position is None else [(POSITION, position)]
    if mode == 'json':
        if isinstance(value, EventBatch) and value['position'] == position:
            return value.shared(lambda: plain(200, 'application/json', value.encoded(), *headers))
        body = json.dumps(value, default=lambda other: dict(other) if isinstance(other, EventBatch)
                          else json_default(other), allow_nan=False)
        return plain(200, 'application/json', body.encode('utf-8'), *headers)
    if isinstance(value, Response):
        value.headers.extend(headers)
        return value
    if isinstance(value, text):
        return plain(200, 'text/html; charset=utf-8', value.encode('utf-8'), *headers)
    if isinstance(value, bytes):
        return plain(200, 'text/html; charset=utf-8', value, *headers)
    raise TypeError("A controller of mode 'http' returns str, bytes or a werkzeug Response, not %s."
                    % type(value).__name__)


def refusal(code, sentence, *headers):
    """The answer that tells the browser in one sentence why it gets nothing."""
    body = json.dumps({'error': sentence}).encode('utf-8')
    return plain(code, 'application/json', body, *headers)


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


# A 204 has neither a body nor a length (RFC 9110, 8.6).
NO_CONTENT = Answer('204 No Content', [('Cache-Control', 'no-store')], b'')

INTERNAL_ERROR = refusal(500, "The controller failed; the server's log says why.")


def is_stopping(answer):
    """Whether an answer sends the browser elsewhere, since this sidecar stops."""
    return isinstance(answer, Answer) and ('X-Longpolling', 'stopping') in answer.headers


def taken_apart(answer):
    """An answer as a part of another one.

    :param answer: an Answer, or a controller's own werkzeug Response
    :returns: the status code; the headers, a dict-like by name; the body, bytes; whether that is JSON
    """
    if isinstance(answer, Answer):
        headers = dict(answer.headers)
        return int(answer.status[:3]), headers, answer.body, headers.get('Content-Type') == 'application/json'
    body = answer.get_data()
    return answer.status_code, answer.headers, body, answer.mimetype == 'application/json' and _is_json(body)


def _is_json(body):
    def refuse(constant):
        raise ValueError(constant)

    try:
        json.loads(body.decode('utf-8'), parse_constant=refuse)
    except (ValueError, RuntimeError):
        return False
    return True
