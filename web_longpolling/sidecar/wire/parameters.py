# -*- coding: utf-8 -*-
"""What the browser sent along: one JSON object."""
import inspect
import json

import gevent

try:
    from urllib.parse import unquote_to_bytes
except ImportError:         # Python 2.7
    from urllib import unquote as unquote_to_bytes

from ...errors import BadRequest, TooLarge, TooSlow

# Bytes. Parameters say which news are wanted; nobody needs a megabyte for that.
MAX_BODY = 1024 * 1024

# Seconds for the whole body to arrive. It comes from a dispatcher, which has read it, or in one packet.
BODY_TIME = 10


def read(request):
    """The parameters of a poll as a dict: the JSON body of a POST, ``data=`` of a GET.

    :param request: a werkzeug Request
    :raises BadRequest: if it is something else than a JSON object
    :raises TooLarge: if it is larger than MAX_BODY bytes
    """
    if request.method == 'GET':
        source = request.args.get('data', '')
        where = "The parameter data"
    else:
        source = _body(request)
        where = "The body"
    if not source.strip():
        return {}
    try:
        sent = json.loads(source, parse_constant=_refuse)
    except (ValueError, RuntimeError) as error:     # RuntimeError: nested too deeply
        raise BadRequest("%s is not JSON: %s." % (where, error))
    if not isinstance(sent, dict):
        raise BadRequest("%s must be a JSON object, such as {\"room\": 5}." % where)
    return sent


def unquoted(path):
    """The bytes of a path as a URL holds it, of text."""
    return unquote_to_bytes(path.encode('utf-8'))


def misfit(controller, request, sent):
    """Why `controller` can't be called with these parameters, or None if it can.

    Of a controller inside decorators made with functools.wraps, the innermost function counts.

    :param sent: dict of the parameters by name
    """
    while _decorated(controller):
        controller = _decorated(controller)
    try:
        inspect.getcallargs(controller, request, **sent)
    except (TypeError, UnicodeError) as error:
        return error
    return None


def _decorated(function):
    """The function that `function` wraps, or None."""
    cells = getattr(function, '__closure__', None) or ()        # Python 2.7 does not set __wrapped__
    inner = [cell.cell_contents for cell in cells
             if inspect.isfunction(cell.cell_contents) and cell.cell_contents.__name__ == function.__name__]
    return getattr(function, '__wrapped__', inner[0] if len(inner) == 1 else None)


def _refuse(constant):
    raise ValueError("%s is no value of JSON" % constant)    # Python's parser takes NaN and Infinity


def _body(request):
    if (request.content_length or 0) > MAX_BODY:
        raise TooLarge("A poll may send %d bytes of parameters at most." % MAX_BODY)
    # One byte more, for a body that comes in chunks and does not say how long it is.
    too_slow = gevent.Timeout(BODY_TIME)
    try:
        with too_slow:
            body = request.environ['wsgi.input'].read(MAX_BODY + 1)
    except gevent.Timeout as timeout:
        if timeout is not too_slow:
            raise
        raise TooSlow("The body did not arrive within %d seconds." % BODY_TIME)
    except EnvironmentError:
        raise BadRequest("The body ends early, or its chunks are malformed.")
    if len(body) > MAX_BODY:
        raise TooLarge("A poll may send %d bytes of parameters at most." % MAX_BODY)
    try:
        return body.decode('utf-8')
    except UnicodeDecodeError:
        raise BadRequest("The body is not UTF-8.")
