# -*- coding: utf-8 -*-
"""The cursor budget: how many cursors of one database may be open at once.

The hosts' connection pools raise an error as soon as they are full. The budget
stands before them and lets polls wait in the order in which they came.
"""
import collections
import contextlib

from gevent.event import Event

from ..errors import BudgetExhausted
from .clock import monotonic
from .deadline import PollTimeout


class CursorBudget(object):
    """A fair semaphore of `size` slots for one database.

    A slot that becomes free is handed to the poll that waits longest; it never
    becomes free in between, so nobody who comes later can take it first.

    size: how many slots there are
    used: how many of them are held
    on_wait(seconds): called with how long each poll waited for its slot
    """

    def __init__(self, size):
        self.size = size
        self.used = 0
        self.on_wait = lambda seconds: None
        self._queue = collections.deque()

    @property
    def waiting(self):
        """How many polls wait for a slot."""
        return len(self._queue)

    @contextlib.contextmanager
    def slot(self):
        """Hold one slot for the length of the block.

        :raises BudgetExhausted: if the poll's timeout ends the wait
        """
        self._acquire()
        try:
            yield
        finally:
            self._release()

    def _acquire(self):
        if self.used < self.size:
            self.used += 1
            self.on_wait(0)
            return
        came = monotonic()
        turn = Event()
        self._queue.append(turn)
        try:
            turn.wait()
        except BaseException as end:
            if turn.is_set():
                self._release()     # handed over in the same moment in which the poll ended
            else:
                self._queue.remove(turn)
            if isinstance(end, PollTimeout):
                raise BudgetExhausted("All %d cursors of this database were in use until the poll's "
                                      "timeout; try again." % self.size)
            raise
        self.on_wait(monotonic() - came)

    def _release(self):
        if self._queue:
            self._queue.popleft().set()     # `used` stays: the slot goes from hand to hand
        else:
            self.used -= 1
