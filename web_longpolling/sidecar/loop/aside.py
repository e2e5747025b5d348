# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""A thread beside the event loop, for what computes for seconds: loading a registry.

The loop and this thread share one interpreter, which hands itself from one to the other every few milliseconds; a
greenlet that computes keeps it until it is done.
"""
import sys

import gevent.monkey
from gevent.event import AsyncResult
from gevent.threadpool import ThreadPool

# The unpatched one: gevent's own tells greenlets apart.
_get_ident = gevent.monkey.get_original('thread' if sys.version_info[0] < 3 else '_thread', 'get_ident')


class Aside(object):
    """Runs one function after the other in a thread of its own.

    given_up: whether nobody wants the result of what runs there any more: it should end as soon as it can
    """

    def __init__(self):
        self.given_up = False
        self._pool = ThreadPool(1)
        self._ident = None

    def here(self):
        """Whether the caller is what runs in the thread."""
        return self._ident is not None and _get_ident() == self._ident

    def run(self, function, *arguments):
        """What ``function(*arguments)`` returns or raises; the current greenlet waits for it, and no other.

        If this greenlet is told to end meanwhile, the function is given up; the next one waits until it has ended.
        """
        called = self._pool.spawn(self._call, function, arguments)
        try:
            value, error = called.get()
        except BaseException:
            self.given_up = not called.ready()
            raise
        if error is None:
            return value
        result = AsyncResult()
        result.set_exception(error[1], exc_info=error)      # whose get() raises it with its own traceback
        return result.get()

    def _call(self, function, arguments):
        self.given_up = False
        self._ident = _get_ident()
        try:
            return function(*arguments), None
        except BaseException:       # gevent would write it to the console
            return None, sys.exc_info()
        finally:
            self._ident = None


aside = Aside()
