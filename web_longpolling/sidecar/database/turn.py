# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Who loads a registry next: one at a time, and what a user waits for goes before what strangers have asked for."""
import contextlib

from gevent.event import Event


class Turn(object):
    """
    taken: whether somebody has it, or is called to have it
    """

    def __init__(self):
        self.taken = False
        self._waiting = []      # of (whether it is urgent, its Event), in the order of their coming

    @contextlib.contextmanager
    def __call__(self, is_urgent):
        """Wait for the turn, and have it in the block.

        :param is_urgent: function that says whether others are to wait for this one; asked whenever a turn ends
        """
        if self.taken:
            called = Event()
            self._waiting.append((is_urgent, called))
            try:
                called.wait()
            except BaseException:
                if called.is_set():         # it had its turn already
                    self._next()
                else:
                    self._waiting.remove((is_urgent, called))
                raise
        self.taken = True
        try:
            yield
        finally:
            self._next()

    def _next(self):
        # Taken until whoever is called has begun: nobody who comes in between goes first.
        self.taken = bool(self._waiting)
        if self._waiting:
            chosen = next((each for each in self._waiting if each[0]()), self._waiting[0])
            self._waiting.remove(chosen)
            chosen[1].set()
