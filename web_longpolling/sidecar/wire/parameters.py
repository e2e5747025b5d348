# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What the browser sent along: one JSON object, which is parsed only when it is known who asks for what.

A megabyte of text can keep a parser busy for seconds, and become a hundred megabytes of objects. So what costs time and
memory is counted first, in the text itself and in time that grows with its length alone.
"""
import inspect
import itertools
import json
import math
import re

try:
    from urllib.parse import unquote_to_bytes
except ImportError:         # Python 2.7
    from urllib import unquote as unquote_to_bytes

from ...errors import BadRequest, TooLarge

# Lists and objects, and values, that a poll may send. An empty one takes up to 280 bytes of memory, on Python 2.7.
MAX_CONTAINERS = 10000
MAX_VALUES = 50000
# Levels of them: what is sent back, or to PostgreSQL, is written by functions that call themselves.
MAX_DEPTH = 100
# Members of one name that are looked at before anything is parsed.
MAX_PEEKED = 8
# Digits of a number. Python 2.7's time to read one grows with their square.
MAX_DIGITS = 400

# Bytes of memory that one character, one container and one value of a parsed text take at most.
_CHARACTER, _CONTAINER, _VALUE = 4, 300, 80

# What may be a number of many digits, or beyond the largest float. In a string it may mean nothing; then it is only
# that each number is looked at.
_LARGE_NUMBER = re.compile(r'[0-9]{100}|[0-9][eE]\+?[0-9]{2}')
# What may be a character that no text in PostgreSQL has, written as an escape or as itself.
_ODD_CHARACTER = re.compile(u'\\\\u0000|\\\\u[dD][89a-fA-F]|[\ud800-\udfff]')
# A text that is a ticket; see tickets.py.
_TOKEN = re.compile(b'"([0-9a-f]{12}\\.[A-Za-z0-9_-]{32})"')
_NO_TEXT = re.compile(u'[\\x00\ud800-\udfff]')

try:
    text_type = unicode
except NameError:
    text_type = str


class Sent(object):
    """The parameters of a poll, not yet parsed: the JSON body of a POST, ``data=`` of a GET.

    peeked: which of those that :meth:`peek` has found is relied on, or None
    """

    __slots__ = ('_octets', '_where', 'peeked')

    def __init__(self, request):
        """
        :param request: a werkzeug Request, whose body is taken
        """
        self.peeked = None
        self._octets, self._where = request.environ['wsgi.input'].take(), "The body"
        if request.method == 'GET':     # whose body means nothing
            self._octets, self._where = request.args.get('data', '').encode('utf-8'), "The parameter data"

    def weight(self):
        """Bytes of memory that they take at most, once they are parsed.

        :raises TooLarge: if they have more values than a poll may send
        """
        containers = self._containers()
        values = self._octets.count(b',') + self._octets.count(b':')
        if containers > MAX_CONTAINERS:
            raise TooLarge("A poll may send %d lists and objects at most." % MAX_CONTAINERS)
        if values > MAX_VALUES:
            raise TooLarge("A poll may send %d values at most." % MAX_VALUES)
        return _CHARACTER * len(self._octets) + _CONTAINER * containers + _VALUE * values

    def peek(self, name):
        """The values of the string members `name`, a list of a few at most, found without parsing.

        They may stand anywhere in what was sent: who relies on one notes it as :attr:`peeked`, and compares it with
        what is parsed later.

        :param name: of letters and underscores
        """
        found = re.finditer(('"%s"\\s*:\\s*"([0-9A-Za-z_.-]{1,200})"' % name).encode('ascii'), self._octets)
        return [each.group(1).decode('ascii') for each in itertools.islice(found, MAX_PEEKED)]

    def tokens(self):
        """What may be tickets, wherever it stands in what was sent; a list of a few texts at most."""
        found = re.finditer(_TOKEN, self._octets)
        return [each.group(1).decode('ascii') for each in itertools.islice(found, MAX_PEEKED)]

    def parse(self, texts=True):
        """The parameters as a dict; what was sent is kept no longer. Call :meth:`weight` before.

        :param texts: whether a text in it that PostgreSQL can't hold is refused; otherwise call :func:`check_texts`
        :raises BadRequest: if it is something else than a JSON object
        """
        deep = self._containers() > MAX_DEPTH
        octets, self._octets = self._octets, b''
        try:
            source = octets.decode('utf-8')
        except UnicodeDecodeError:
            raise BadRequest("%s is not UTF-8." % self._where)
        if not source.strip():
            return {}
        numbers = {'parse_int': _whole, 'parse_float': _broken} if _LARGE_NUMBER.search(source) else {}
        try:
            sent = json.loads(source, parse_constant=_refuse, **numbers)
            if deep or texts and _ODD_CHARACTER.search(source):
                _check_values(sent, texts)
        except (ValueError, RuntimeError) as error:     # RuntimeError: nested too deeply
            raise BadRequest("%s is not JSON: %.200s." % (self._where, error))
        if not isinstance(sent, dict):
            raise BadRequest("%s must be a JSON object, such as {\"room\": 5}." % self._where)
        return sent

    def _containers(self):
        return self._octets.count(b'{') + self._octets.count(b'[')


def _whole(digits):
    if len(digits) > MAX_DIGITS:
        raise ValueError("a number has more than %d digits" % MAX_DIGITS)
    return int(digits)


def _broken(digits):
    number = float(digits) if len(digits) <= MAX_DIGITS else float('inf')
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def _refuse(constant):
    raise ValueError("%s is no value of JSON" % constant)    # Python's parser takes NaN and Infinity


def check_texts(sent):
    """Refuse parameters with a text that PostgreSQL can't hold.

    :raises BadRequest: with a sentence
    """
    try:
        _check_values(sent, True)
    except ValueError as error:
        raise BadRequest("The parameters can't be used: %s." % error)


def _check_values(sent, texts):
    """ValueError if `sent` is nested too deeply, or a text in it has a character that PostgreSQL's can't hold."""
    level = [sent]
    for _ in range(MAX_DEPTH):
        below = []
        for value in level:
            if isinstance(value, dict):
                below.extend(value)
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
            elif texts and isinstance(value, text_type) and _NO_TEXT.search(value):
                raise ValueError("a text has the character NUL, or half a character of UTF-16")
        if not below:
            return
        level = below
    raise ValueError("it is nested more than %d levels deep" % MAX_DEPTH)


def unquoted(path):
    """The bytes of a path as a URL holds it, of text."""
    return unquote_to_bytes(path.encode('utf-8'))


def misfit(controller, sent):
    """Why `controller` can't be called with these parameters, or None if it can.

    Of a controller inside decorators made with functools.wraps, the innermost function counts.

    :param sent: dict of the parameters by name
    """
    while _decorated(controller):
        controller = _decorated(controller)
    try:
        inspect.getcallargs(controller, None, **sent)       # None: Python 2.7 keeps what it is given
    except (TypeError, UnicodeError) as error:
        return '%s' % error     # the text: its traceback leads to whoever keeps the exception
    return None


def _decorated(function):
    """The function that `function` wraps, or None."""
    cells = getattr(function, '__closure__', None) or ()        # Python 2.7 does not set __wrapped__
    inner = [cell.cell_contents for cell in cells
             if inspect.isfunction(cell.cell_contents) and cell.cell_contents.__name__ == function.__name__]
    return getattr(function, '__wrapped__', inner[0] if len(inner) == 1 else None)
