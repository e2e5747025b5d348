# -*- coding: utf-8 -*-
"""The one timer of a poll."""
import gevent


class PollTimeout(gevent.Timeout):
    """Nothing happened until the poll's timeout: 204, and the browser polls again.

    Not an Exception (gevent.Timeout is a BaseException): a controller's own
    ``except Exception`` must not keep a poll from ending.

    cause: a PollError, if the poll could not find out whether something has happened: it is answered with that
    """

    cause = None


class ReadTimeout(gevent.Timeout):
    """PostgreSQL has taken too long for an answer. A BaseException, so whoever starts it catches it by name."""

    def __str__(self):
        return "no answer within %s seconds" % self.seconds
