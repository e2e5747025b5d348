# -*- coding: utf-8 -*-
"""The cursor budget: how many cursors of one database may be open at once.

The hosts' connection pools raise an error as soon as they are full. The budget
stands before them and lets polls wait in the order in which they came.
"""
import collections
import contextlib
import itertools

from gevent.event import Event

from ...errors import BudgetExhausted
from ..loop.clock import monotonic
from ..loop.deadline import PollTimeout


class CursorBudget(object):
    """A fair semaphore of `size` slots for one database.

    A slot that becomes free is handed to the poll that waits longest; it never
    becomes free in between, so nobody who comes later can take it first.

    A quarter of the slots is kept from any single route: one whose queries take long, or wait for a locked
    table, leaves something to the others. What waits for its own route lets the others pass.

    size: how many slots there are
    used: how many of them are held
    share: how many of them one route may hold
    on_wait(seconds): called with how long each poll waited for its slot
    """

    def __init__(self, size):
        self.size = size
        self.share = size - size // 4
        self.used = 0
        self.on_wait = lambda seconds: None
        self._held = collections.Counter()      # by route
        self._queues = {}                       # by route: a deque of (number, Event); never an empty one
        self._numbers = itertools.count()

    @property
    def waiting(self):
        """How many polls wait for a slot."""
        return sum(len(queue) for queue in self._queues.values())

    @contextlib.contextmanager
    def slot(self, route=None):
        """Hold one slot for the length of the block.

        :param route: what it is counted for, hashable; None for the sidecar's own, which may have all slots
        :raises BudgetExhausted: if the poll's timeout ends the wait
        """
        self._acquire(route)
        try:
            yield
        finally:
            self._release(route)

    def _acquire(self, route):
        if self.used < self.size and self._admits(route):
            self.used += 1
            self._held[route] += 1
            self.on_wait(0)
            return
        came = monotonic()
        turn = Event()
        waiter = next(self._numbers), turn
        self._queues.setdefault(route, collections.deque()).append(waiter)
        try:
            turn.wait()
        except BaseException as end:
            if turn.is_set():
                self._release(route)    # handed over in the same moment in which the poll ended
            else:
                self._leave(route, waiter)
            if isinstance(end, PollTimeout):
                raise BudgetExhausted("All %d cursors of this database were in use until the poll's "
                                      "timeout; try again." % self.size)
            raise
        self.on_wait(monotonic() - came)

    def _admits(self, route):
        return route is None or self._held[route] < self.share

    def _leave(self, route, waiter):
        queue = self._queues[route]
        queue.remove(waiter)
        if not queue:
            del self._queues[route]

    def _release(self, route):
        self._held[route] -= 1
        if not self._held[route]:
            del self._held[route]
        heads = [(queue[0], each) for each, queue in self._queues.items() if self._admits(each)]
        if not heads:
            self.used -= 1
            return
        waiter, following = min(heads, key=lambda head: head[0][0])
        self._leave(following, waiter)
        self._held[following] += 1      # `used` stays: the slot goes from hand to hand
        waiter[1].set()
