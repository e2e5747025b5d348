# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Many polls in one request, as the hub of a browser sends them.

::

    POST /openerplongpolling  {"polls": [{"path": "/wall", "params": {}, "since": null}, ...], "uid": 5}
      asked            what the body says, as Asked
      answer           each poll in a greenlet of its own; held until one is ready
    200 {"answers": [{"poll": 0, "status": 200, "position": "...", "result": ...}, ...]}

What is not in the answer was not ready, and the browser asks for it again with the position that it knows: nothing is
lost. No poll changes another: each has its own limits, its own errors, and its own answer.
"""
import collections
import json
import re

import gevent
from gevent.event import Event

from ..errors import BadRequest
from .loop.clock import monotonic
from .wire import responses
from .wire.disconnect import ClientDisconnected
from .wire.parameters import check_texts

try:
    _text = (basestring,)       # noqa: F821
except NameError:
    _text = (str,)

# How many polls a request may carry.
MOST_POLLS = 64

# A position, of no more than a dispatcher takes in a header. And a path, as a browser may write it into a URL.
_SINCE = re.compile(r'[A-Za-z0-9._-]{1,8000}\Z')
_PATH = re.compile(u'/[^\x00-\x1f\x7f\ud800-\udfff]*\\Z')
_QUERY = re.compile(r'[\x21-\x7e]*\Z')

# Seconds. After the first answer others are gathered for so long: one event often concerns many polls.
GATHER = 0.02
# A poll that is at work just then (that reads in the database, or waits for its turn to) is waited for, up to this.
# Were it broken off each time, a slow controller beside a busy one would never answer.
PATIENCE = 2.0

# Seconds that polls which are broken off may take to end.
ENDING = 0.2

# The status of a poll that was still at work then: the browser sends it in a request of its own. The number is
# HTTP's for "Processing" (RFC 2518, 10.1).
AT_WORK = 102


class NotReady(ClientDisconnected):
    """Others of the same request are answered: this poll is broken off, and asked for again."""


Asked = collections.namedtuple('Asked', 'path parameters since')


def asked(sent):
    """The polls of a request, and what they have in common.

    :param sent: dict, the JSON body
    :returns: list of Asked, or of BadRequest where that one is malformed; and dict of the rest of `sent`
    :raises BadRequest: if there are none, or too many
    """
    rest = dict(sent)
    polls = rest.pop('polls')
    if not isinstance(polls, list) or not 1 <= len(polls) <= MOST_POLLS:
        raise BadRequest("\"polls\" must be a list of 1 to %d polls." % MOST_POLLS)
    return [_asked(poll) for poll in polls], rest


def _asked(poll):
    if not isinstance(poll, dict):
        return BadRequest("A poll must be a JSON object, such as {\"path\": \"/wall\"}.")
    path, parameters, since = poll.get('path'), poll.get('params', {}), poll.get('since')
    if not isinstance(path, _text) or not _PATH.match(path) or not _QUERY.match(path.partition('?')[2]):
        return BadRequest("The path of a poll must be a text that begins with a slash, such as \"/wall\".")
    if not isinstance(parameters, dict):
        return BadRequest("The params of a poll must be a JSON object, such as {\"room\": 5}.")
    if since is not None and not (isinstance(since, _text) and _SINCE.match(since)):
        return BadRequest("The since of a poll must be the position of its last answer, or null.")
    try:
        check_texts(parameters)
    except BadRequest as error:
        return error
    return Asked(path, parameters, since)


class _Batch(object):
    """The polls of one request at work."""

    def __init__(self, polls, respond):
        self._polls = polls
        self._respond = respond
        self._greenlets = []
        self._progress = Event()
        self.answers = {}       # by the poll's number

    def __enter__(self):
        self._greenlets = [gevent.spawn(self._run, number, poll) for number, poll in enumerate(self._polls)]
        return self

    def __exit__(self, kind, *error):
        unfinished = [greenlet for greenlet in self._greenlets if not greenlet.dead]
        gevent.killall(unfinished, exception=ClientDisconnected if kind else NotReady, timeout=ENDING)

    def _run(self, number, poll):
        answer = responses.INTERNAL_ERROR       # unless it ends with one
        try:
            answer = self._respond(poll)
        except ClientDisconnected:              # broken off
            return
        finally:
            self.answers[number] = answer
            self._progress.set()

    def wait(self):
        """Until one poll is answered, and those that are ready with it or at work."""
        self._progress.wait()
        began = monotonic()
        while len(self.answers) < len(self._polls):
            waited = monotonic() - began
            if waited >= PATIENCE or waited >= GATHER and not self.at_work():
                break
            self._progress.clear()
            self._progress.wait(GATHER)

    def at_work(self):
        """The numbers of the polls that have no answer yet and do not wait for news."""
        return [number for number, poll in enumerate(self._polls)
                if number not in self.answers and poll.at_work]


def answer(polls, respond):
    """Hold the polls until one of them is ready.

    :param polls: list of what `respond` takes; ``at_work`` says whether it is doing something else than waiting for
        news, ``route`` is its Route or None
    :param respond: function of a poll, which gives its Answer; called in a greenlet of its own, but for a single poll,
        which costs no second one
    :returns: Answer
    """
    if len(polls) == 1:
        return _joined(polls, {0: respond(polls[0])}, [])
    with _Batch(polls, respond) as batch:
        batch.wait()
        answers, at_work = dict(batch.answers), batch.at_work()
    return _joined(polls, answers, at_work)


def _joined(polls, answers, at_work):
    stopping = [answer for answer in answers.values() if responses.is_stopping(answer)]
    if len(stopping) == len(answers):
        return stopping[0]
    parts = [_part(number, answer, polls[number].route) for number, answer in sorted(answers.items())
             if not responses.is_stopping(answer)]
    parts += [_encoded({'poll': number, 'status': AT_WORK}) for number in at_work]
    return responses.plain(200, 'application/json', b'{"answers": [' + b', '.join(parts) + b']}')


def _part(number, answer, route):
    """The bytes of one poll's answer."""
    code, headers, body, is_json = responses.taken_apart(answer, trusted=route is None or route.mode == 'json')
    said = {'poll': number, 'status': code}
    if responses.POSITION in headers:
        said['position'] = headers[responses.POSITION]
    if code >= 400:
        if headers.get('Retry-After', '').isdigit():
            said['retry_after'] = int(headers['Retry-After'])
        said['error'] = _sentence(body, is_json)
    elif is_json:
        return _encoded(said)[:-1] + b', "result": ' + body + b'}'      # as it is; many polls may have the same
    elif code != 204:
        said['text'], said['type'] = body.decode('utf-8', 'replace'), headers.get('Content-Type', '')
    return _encoded(said)


def _sentence(body, is_json):
    """What a failure says: ours are JSON, a controller's own Response may be anything."""
    said = json.loads(body.decode('utf-8')) if is_json else None
    if isinstance(said, dict) and isinstance(said.get('error'), _text):
        return said['error']
    return body.decode('utf-8', 'replace')


def _encoded(said):
    return json.dumps(said).encode('utf-8')
