# -*- coding: utf-8 -*-
"""Asking again whether a session is good, once for all polls that the same news woke."""
import gevent
from gevent.event import AsyncResult


class SingleFlight(object):
    """The checks that are about to begin, by session."""

    def __init__(self, check):
        """
        :param check: function of a session's key: whether it is good; may wait and may raise
        """
        self._check = check
        self._pending = {}

    def __call__(self, key):
        """Whether the session `key` is good, by a check that begins after this call.

        :raises: what the check raises
        """
        while key in self._pending:
            good = self._pending[key].get()
            if good is not None:
                return good
        result = self._pending[key] = AsyncResult()
        good = None         # for those who wait, if this poll ends first: one of them asks
        try:
            # All polls that were woken in this turn of the loop come here before the check begins; who
            # comes later may know of something newer, and asks again.
            gevent.sleep(0)
            del self._pending[key]
            good = self._check(key)
        except Exception as error:
            result.set_exception(error)
            raise
        finally:
            if self._pending.get(key) is result:
                del self._pending[key]
            if not result.ready():
                result.set(good)
        return good
