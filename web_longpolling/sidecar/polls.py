# -*- coding: utf-8 -*-
"""The polls under way in this process: how many there may be, and how they are told that it stops."""
import collections

import gevent
from gevent.hub import get_hub

from ..errors import Stopping, TooManyPolls

# Seconds between two looks at who can be told to go elsewhere.
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
        :param most_per_session: how many of them may belong to one session
        """
        self.stopping = False
        self._most = most
        self._most_per_session = most_per_session
        self._requests = {}     # by the greenlet that serves them
        self._per_session = collections.Counter()

    def __len__(self):
        return len(self._requests)

    def list(self):
        """The polls under way: a list of PollState."""
        return [request.state() for request in list(self._requests.values())]

    def admit(self, request):
        """A context manager that counts a poll for the length of its block.

        :raises Stopping: if the sidecar stops
        :raises TooManyPolls: if there are too many, of all or of the same session
        """
        return _Admission(self, request)

    def _begin(self, request):
        session = request.session_key
        if self.stopping:
            raise Stopping("This server is stopping; poll again.")
        if len(self._requests) >= self._most:
            raise TooManyPolls("This server holds %d polls already; try again later." % self._most)
        if session is not None:
            if self._per_session[session] >= self._most_per_session:
                raise TooManyPolls("This login has %d polls under way already; try again later."
                                   % self._most_per_session)
            self._per_session[session] += 1
        self._requests[gevent.getcurrent()] = request
        return session

    def _end(self, session):
        del self._requests[gevent.getcurrent()]
        if session is not None:
            self._per_session[session] -= 1
            if not self._per_session[session]:
                del self._per_session[session]

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

    __slots__ = ('_polls', '_request', '_session')

    def __init__(self, polls, request):
        self._polls = polls
        self._request = request

    def __enter__(self):
        # The session by which it was counted: at the end it may have none any more.
        self._session = self._polls._begin(self._request)

    def __exit__(self, *error):
        self._polls._end(self._session)
