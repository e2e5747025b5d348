# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The one timer of a poll."""
import gevent

from .clock import monotonic


class PollTimeout(gevent.Timeout):
    """Nothing happened until the poll's timeout: 204, and the browser polls again.

    Not an Exception (gevent.Timeout is a BaseException): a controller's own
    ``except Exception`` must not keep a poll from ending.

    cause: a PollError, if the poll could not find out whether something has happened: it is answered with that. Who
        waits for the database sets it.
    """

    cause = None


class ReadTimeout(gevent.Timeout):
    """PostgreSQL has taken too long for an answer. A BaseException, so whoever starts it catches it by name."""

    def __str__(self):
        return "no answer within %s seconds" % self.seconds


class PollTimer(object):
    """Ends the poll of the current greenlet with PollTimeout: ``with PollTimer(60) as timer:``.

    deadline: when it will, on the monotonic clock
    """

    __slots__ = ('deadline', '_first', '_timeout')

    def __init__(self, seconds):
        self._start(seconds)
        self._first = self.deadline

    def _start(self, seconds):
        self.deadline = monotonic() + seconds
        self._timeout = PollTimeout.start_new(seconds)

    def leave(self, seconds):
        """Let at least so many seconds be left from now on: an answer is there, and only waits to be handed out.

        However often this is called, the poll lasts no longer than so many seconds more.
        """
        now = monotonic()
        deadline = min(now + seconds, self._first + seconds)
        if deadline > self.deadline:
            self._timeout.close()
            self._start(deadline - now)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._timeout.close()
        # It may be on its way through the frames that hold this timer: they would keep each other.
        self._timeout = None
