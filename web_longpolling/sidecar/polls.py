# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The polls under way in this process: how many there may be, and how they end when it stops."""
import collections

import gevent
from gevent.hub import get_hub

from ..errors import Stopping, TooManyPolls

# Bytes of memory that what was sent with the polls of one session may take together, and with those of all who have
# none. A poll of a page takes a kilobyte or two.
ONE_SESSION = 32 << 20
ALL_STRANGERS = 4 * ONE_SESSION

# Seconds between two looks at which polls can be sent elsewhere.
STEP = 0.1


class PollStopped(BaseException):
    """The sidecar is stopping: the poll is answered with 503. No controller's ``except`` may keep it."""


class Polls(object):
    """The polls whose controllers are at work or wait.

    stopping: whether the sidecar is about to end
    """

    def __init__(self, most, most_per_session):
        """
        :param most: how many there may be at the same time
        :param most_per_session: how many of them may belong to one session; answers that are being sent count too
        """
        self.stopping = False
        self._most = most
        self._most_per_session = most_per_session
        self._requests = {}     # by the greenlet that serves them
        self._per_session = collections.Counter()
        self._weights = collections.Counter()       # by session, too; None for all that have none

    def __len__(self):
        return len(self._requests)

    def list(self):
        """The polls under way: a list of PollState."""
        return [request.state() for request in list(self._requests.values())]

    def current(self):
        """The Request of the poll that is being served just now, or None."""
        each = gevent.getcurrent()
        while each is not None:     # what it calls may run on a stack of its own
            if each in self._requests:
                return self._requests[each]
            each = each.parent
        return None

    def admit(self, request, session, weight=0):
        """A context manager that counts a poll for the length of its block.

        :param session: the key of the session that it claims, or None
        :param weight: bytes of memory that what its client sent may take
        :raises Stopping: if the sidecar stops
        :raises TooManyPolls: if there are too many, of all or of the same session, or they are too large together
        """
        return _Admission(self, request, session, weight)

    def weigh(self, session, weight):
        """A context manager that counts what was sent with many polls in one request, for the length of its block.

        The rest is as for :meth:`admit`, which each of these polls needs too.
        """
        return _Weight(self, session, weight)

    def sending(self, session, body):
        """The answer of a poll, to be sent: an iterable that counts for the session until gevent closes it.

        :param session: the session's key, or None
        :param body: bytes
        """
        return _Sending(self._per_session, session, body)

    def _begin(self, request, session, weight):
        if self.stopping:
            raise Stopping("This server is stopping; poll again.")
        if len(self._requests) >= self._most:
            raise TooManyPolls("This server holds %d polls already; try again later." % self._most)
        if session is not None:
            if self._per_session[session] >= self._most_per_session:
                raise TooManyPolls("This login has %d polls under way already; try again later."
                                   % self._most_per_session)
        self._add_weight(session, weight)
        if session is not None:
            self._per_session[session] += 1
        self._requests[gevent.getcurrent()] = request

    def _add_weight(self, session, weight):
        if self._weights[session] + weight > (ALL_STRANGERS if session is None else ONE_SESSION):
            raise TooManyPolls("The polls of this login that are under way have sent too much; try again later.")
        self._weights[session] += weight

    def _end(self, session, weight):
        del self._requests[gevent.getcurrent()]
        _subtract(self._weights, session, weight)
        if session is not None:
            _subtract(self._per_session, session, 1)

    def drain(self, grace):
        """End all polls with PollStopped; one that reads in the database may finish that first.

        :param grace: seconds that it may take for that
        :returns: how many did not end in time, and were broken off
        """
        self.stopping = True
        with gevent.Timeout(grace, False):
            while self._requests:
                self._end_all(lambda request: not request.holds_snapshot)
                gevent.sleep(STEP)
        left = len(self._requests)
        self._end_all(lambda request: True)
        return left

    def _end_all(self, chosen):
        for greenlet, request in list(self._requests.items()):
            if chosen(request):
                get_hub().loop.run_callback(self._throw, greenlet, chosen)

    def _throw(self, greenlet, chosen):
        # Called by the event loop, so the poll is not at work just now; it may have gone on since it was
        # looked at.
        request = self._requests.get(greenlet)
        if request is not None and chosen(request):
            greenlet.throw(PollStopped)


class _Admission(object):
    # A class with slots: each held poll has one, and a generator would take four times as much.

    __slots__ = ('_polls', '_request', '_session', '_weight')

    def __init__(self, polls, request, session, weight):
        self._polls = polls
        self._request = request
        self._session = session
        self._weight = weight

    def __enter__(self):
        self._polls._begin(self._request, self._session, self._weight)

    def __exit__(self, *error):
        self._polls._end(self._session, self._weight)


class _Weight(object):

    __slots__ = ('_polls', '_session', '_weight')

    def __init__(self, polls, session, weight):
        self._polls = polls
        self._session = session
        self._weight = weight

    def __enter__(self):
        self._polls._add_weight(self._session, self._weight)

    def __exit__(self, *error):
        _subtract(self._polls._weights, self._session, self._weight)


class _Sending(object):
    # A poll that is answered is no poll any more. But who does not read what he asked for could have any number of
    # large answers wait for him.

    def __init__(self, counted, session, body):
        self._counted = counted
        self._session = session
        self._body = [body]
        counted[session] += 1

    def __len__(self):
        return len(self._body)      # gevent asks for the length if no header has it

    def __iter__(self):
        return iter(self._body)

    def close(self):
        _subtract(self._counted, self._session, 1)


def _subtract(counter, key, number):
    counter[key] -= number
    if not counter[key]:
        del counter[key]
