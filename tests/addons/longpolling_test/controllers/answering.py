# -*- coding: utf-8 -*-
"""What a controller may return, and what comes of its mistakes."""
import datetime
import time

import werkzeug.exceptions
import werkzeug.wrappers

from openerp.addons.web_longpolling.longpolling import longpolling


@longpolling.route('/json/dates')
def dates(request, **kwargs):
    return {'datetime': datetime.datetime(2013, 8, 7, 7, 15, 2), 'date': datetime.date(2013, 8, 7)}


@longpolling.route('/json/<kind>')
def values(request, kind, **kwargs):
    return {'none': None, 'number': 5, 'text': u'\xe4\u20ac', 'list': [1, [2]], 'false': False}[kind]


@longpolling.route('/json/object')
def unserialisable(request, **kwargs):
    return {'secret_key_of_the_object': object()}


@longpolling.route('/json/nan')
def nan(request, **kwargs):
    return float('nan')


@longpolling.route('/http/text', mode='http')
def text(request, **kwargs):
    return u'<p>\xe4\u20ac</p>'


@longpolling.route('/http/str', mode='http')
def native(request, **kwargs):
    return '<p>native</p>'


@longpolling.route('/http/bytes', mode='http')
def octets(request, **kwargs):
    return b'<p>bytes</p>'


@longpolling.route('/http/response', mode='http')
def response(request, **kwargs):
    return werkzeug.wrappers.Response('colour,size\n', status=203, content_type='text/csv',
                                      headers=[('X-Test', 'from the controller')])


@longpolling.route('/http/stream', mode='http')
def stream(request, **kwargs):
    """A Response that goes on for a while, past its poll."""
    def parts():
        for _ in range(50):
            time.sleep(0.1)
            yield b'part '
    return werkzeug.wrappers.Response(parts())


@longpolling.route('/http/header', mode='http')
def header(request, value, **kwargs):
    """What the browser sent, in a header."""
    result = werkzeug.wrappers.Response('odd')
    try:
        result.headers['X-Odd'] = value
    except ValueError:      # what werkzeug itself refuses
        result.headers['X-Odd'] = u'\u20ac'
    return result


@longpolling.route('/http/cached', mode='http')
def cached(request, **kwargs):
    """A Response that wants to be kept and guessed at."""
    return werkzeug.wrappers.Response('kept', headers=[
        ('Cache-Control', 'public, max-age=86400'), ('X-Content-Type-Options', 'none'), ('Connection', 'upgrade')])


@longpolling.route('/http/large', mode='http')
def large(request, size, **kwargs):
    return b'x' * size


@longpolling.route('/aborts/response')
def aborts_with_a_response(request, **kwargs):
    werkzeug.exceptions.abort(werkzeug.wrappers.Response('gone away', status=410))


@longpolling.route('/aborts/stream')
def aborts_with_a_stream(request, **kwargs):
    werkzeug.exceptions.abort(werkzeug.wrappers.Response(iter([b'a']), status=410))


@longpolling.route('/aborts/odd')
def aborts_oddly(request, **kwargs):
    class Odd(werkzeug.exceptions.HTTPException):
        code = 799
        description = 'odd'
    raise Odd()


@longpolling.route('/http/dict', mode='http')
def wrong(request, **kwargs):
    return {'secret_key_of_the_dict': 1}


@longpolling.route('/fails')
def fails(request, **kwargs):
    raise ValueError('the secret number is 4711')


@longpolling.route('/fails/type')
def fails_type(request, **kwargs):
    """A TypeError of the controller's own is no fault of the browser."""
    return len(5)


@longpolling.route('/aborts')
def aborts(request, **kwargs):
    werkzeug.exceptions.abort(403)


@longpolling.route('/silent', mustbeauthenticated=False)
def silent(request, **kwargs):
    """Nothing happens."""
    while True:
        time.sleep(0.1)


@longpolling.route('/stubborn', mustbeauthenticated=False)
def stubborn(request, **kwargs):
    """Nothing happens, and the controller takes every error for one that will pass."""
    errors = []
    while True:
        try:
            time.sleep(0.1)
        except Exception as error:
            errors.append(error)
