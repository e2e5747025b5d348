# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The cursor budget: how many cursors of one database may be open at once, and who is next.

The hosts' connection pools raise an error as soon as they are full. The budget stands before them and lets reads wait.
A slot that becomes free goes from hand to hand:

1. to the sidecar itself, which verifies sessions and reads the feed: that takes milliseconds, and polls that have
   their answer already wait for it;
2. to the route and the user who hold least, and have had least of the last seconds;
3. to the poll that ends first. All last equally long, so it is the one that came first: who has begun goes before those
   who have not.

What can't be finished before its poll ends, as far as the last reads of its route show, is not begun: under overload
each slot works for answers that arrive. And reads that are slow leave one cursor to the others as soon as there are
others; if that is found out when they have all of them, one is called back.
"""
import collections
import contextlib
import heapq
import itertools
import math

from gevent import getcurrent
from gevent.event import Event
from gevent.hub import get_hub

from ...errors import BudgetExhausted
from ..loop.clock import monotonic
from ..loop.deadline import PollTimeout

# Seconds. A read that lasts longer is slow.
SLOW = 3.0
# Seconds that a read which is not slow waits for those that are, before one of them is called back.
PATIENCE = 2.0
# Seconds for which slow reads leave one cursor to the others after one of those had to wait for them.
KEPT = 60.0
# Seconds after which it is no longer believed how long the reads of a route lasted.
BELIEVED = 60.0
# Seconds after which what a route or a user has had counts a third.
RECENT = 10.0
# Slots from which on one route never has all of them; with fewer, one slot is too large a part to be left idle.
WHOLE = 6
# How much one more read counts in how long the reads of a route last.
WEIGHT = 0.25


class Reader(collections.namedtuple('Reader', 'route user deadline')):
    """Who reads: for whom a slot is counted.

    route: the path of the poll's route
    user: the id of the poll's user
    deadline: when the poll ends, on the monotonic clock
    """

    __slots__ = ()


class CursorBudget(object):
    """`size` slots for one database.

    size: how many slots there are
    used: how many of them are held
    waiting: how many reads wait for one
    on_wait(seconds): called with how long each read waited for its slot
    """

    def __init__(self, size, longest=float('inf')):
        """
        :param longest: seconds that a read is expected to last at most, whatever was measured
        """
        self.size = size
        self.used = 0
        self.waiting = 0
        self.on_wait = lambda seconds: None
        self._longest = longest
        self._held = set()
        self._by_route = collections.Counter()
        self._by_user = collections.Counter()
        self._had = _Shares()
        self._own = collections.deque()     # the sidecar's own waiters
        self._queues = {}                   # by route
        self._durations = {}                # by route: (seconds, measured when)
        self._kept_until = 0
        self._numbers = itertools.count()

    @contextlib.contextmanager
    def slot(self, reader=None):
        """Hold one slot for the length of the block.

        :param reader: the Reader, or None for the sidecar's own
        :raises BudgetExhausted: if what is to be read could not be finished before the poll ends
        :raises PollTimeout: if the poll ends meanwhile; its ``cause`` is a BudgetExhausted, then
        """
        held = self._acquire(reader)
        try:
            yield
        except BaseException:
            self._release(held, whole=False)
            raise
        self._release(held, whole=True)

    # -- waiting

    def _acquire(self, reader):
        came = monotonic()
        if self.used < self.size and self._admits(reader, came):
            if not self._can_finish(reader, came):
                raise self._refusal()
            self.used += 1
            self.on_wait(0)
            return self._hold(reader, getcurrent(), came)
        waiter = _Waiter(reader, next(self._numbers))
        self._line_up(waiter)
        try:
            while not waiter.turn.wait(PATIENCE):
                self._call_back(reader)
        except BaseException as end:
            if waiter.held is not None:
                self._release(waiter.held, whole=False)     # handed over in the same moment in which the poll ended
            elif not waiter.over:
                waiter.over = True
                self.waiting -= 1
            if isinstance(end, PollTimeout):
                end.cause = self._refusal()
            raise
        if waiter.held is None:
            raise self._refusal()
        now = waiter.held.since = monotonic()
        self.on_wait(now - came)
        return waiter.held

    def _line_up(self, waiter):
        self.waiting += 1
        if waiter.reader is None:
            self._own.append(waiter)
        else:
            self._queues.setdefault(waiter.reader.route, _Queue()).add(waiter)
        if self._wants_no_more_than_a_moment(waiter.reader) and self._is_full_of_slow_reads():
            self._kept_until = monotonic() + KEPT

    def _refusal(self):
        return BudgetExhausted("All %d cursors of this database were in use until the poll's timeout; try again."
                               % self.size)

    # -- who may have one

    def _admits(self, reader, now):
        """Whether it may have a slot that is free."""
        if reader is None:
            return True
        if self.size >= WHOLE and self._by_route[reader.route] >= self.size - 1:
            return False        # nobody has to wait until it is known that this route is slow
        return (self.size == 1 or now >= self._kept_until or not self._is_slow_route(reader.route)
                or len(self._slow_reads()) < self.size - 1)

    def _can_finish(self, reader, now):
        return reader is None or reader.deadline - now > self._expected(reader.route)

    def _expected(self, route):
        """Seconds that a read of this route lasts, 0 if that is not known."""
        seconds, measured = self._durations.get(route, (0, 0))
        return min(seconds, self._longest) if monotonic() - measured < BELIEVED else 0

    def _is_slow_route(self, route):
        return self._expected(route) > SLOW or route in self._slow_routes()

    def _slow_routes(self):
        """Those of which a read has lasted long already."""
        now = monotonic()
        return set(held.reader.route for held in self._held
                   if held.reader is not None and now - held.since > SLOW)

    def _slow_reads(self):
        routes = self._slow_routes()
        return [held for held in self._held if held.reader is not None
                and (held.reader.route in routes or self._expected(held.reader.route) > SLOW)]

    def _is_full_of_slow_reads(self):
        return 1 < self.size == len(self._slow_reads())

    def _wants_no_more_than_a_moment(self, reader):
        return reader is None or not self._is_slow_route(reader.route)

    def _call_back(self, reader):
        """End one of the slow reads, if they have all slots, for a read that is not slow."""
        if not self._wants_no_more_than_a_moment(reader) or not self._is_full_of_slow_reads() \
                or any(held.called_back for held in self._held):
            return
        now = monotonic()
        self._kept_until = now + KEPT
        long_ones = [held for held in self._held if now - held.since > SLOW]
        if long_ones:
            held = max(long_ones, key=lambda held: (self._load(held.reader), held.since))
            held.called_back = True
            get_hub().loop.run_callback(self._end, held)

    def _end(self, held):
        # Called by the event loop. The read may have ended since.
        if held in self._held:
            end = PollTimeout()
            end.cause = BudgetExhausted("This poll's read has lasted long, and others waited for its cursor; "
                                         "try again.")
            held.greenlet.throw(end)

    # -- from hand to hand

    def _hold(self, reader, greenlet, since):
        held = _Held(reader, greenlet, since)
        self._held.add(held)
        if reader is not None:
            self._by_route[reader.route] += 1
            self._by_user[reader.user] += 1
        return held

    def _release(self, held, whole):
        """
        :param whole: whether the read has come to its end
        """
        self._held.discard(held)
        self.used -= 1
        if held.reader is not None:
            self._measure(held, whole)
            self._had.add(held.reader, monotonic() - held.since)
            for counter, key in ((self._by_route, held.reader.route), (self._by_user, held.reader.user)):
                counter[key] -= 1
                if not counter[key]:
                    del counter[key]
            if not self._stands_apart(held.reader.user):
                for queue in self._queues.values():
                    queue.let_in(held.reader.user)
        while self.used < self.size:
            waiter = self._next()
            if waiter is None:
                return
            self.used += 1
            self.waiting -= 1
            waiter.over = True
            waiter.held = self._hold(waiter.reader, waiter.greenlet, monotonic())
            waiter.turn.set()

    def _measure(self, held, whole):
        now = monotonic()
        seconds = now - held.since
        before = self._expected(held.reader.route)
        # What was broken off lasts at least so long.
        if whole or seconds > before:
            self._durations[held.reader.route] = (before + (seconds - before) * WEIGHT if before else seconds, now)

    def _next(self):
        """Take the waiter whose turn it is out of its queue; None if nobody waits who may have a slot."""
        while self._own:
            waiter = self._own.popleft()
            if not waiter.over:
                return waiter
        now = monotonic()
        best = None
        for route, queue in list(self._queues.items()):
            heads = queue.heads(self._stands_apart, lambda waiter: self._is_out(waiter, now))
            if not queue:
                del self._queues[route]
            elif heads and self._admits(heads[0][0][2].reader, now):
                for head, line in heads:
                    key = (self._load(head[2].reader),) + head[:2]
                    if best is None or key < best[0]:
                        best = key, line
        return heapq.heappop(best[1])[2] if best else None

    def _load(self, reader):
        return (self._by_route[reader.route] + self._by_user[reader.user]
                + self._had.quarters('route', reader.route) + self._had.quarters('user', reader.user))

    def _stands_apart(self, user):
        """Whether the load of a user is another one than that of most users."""
        return user in self._by_user or self._had.quarters('user', user) > 0

    def _is_out(self, waiter, now):
        """Whether a waiter has left, or must go now because it is too late for it."""
        if not waiter.over and not self._can_finish(waiter.reader, now):
            waiter.over = True
            self.waiting -= 1
            waiter.turn.set()
        return waiter.over


class _Shares(object):
    """How much of the slots each route and each user has had in the last seconds."""

    def __init__(self):
        self._seconds = {}      # by kind and name: (seconds, when that was reckoned)

    def add(self, reader, seconds):
        if len(self._seconds) > 1000:
            self._seconds = dict((key, had) for key, had in self._seconds.items() if self._now(key) > 0.001)
        for key in (('route', reader.route), ('user', reader.user), None):
            self._seconds[key] = self._now(key) + seconds, monotonic()

    def _now(self, key):
        seconds, when = self._seconds.get(key, (0, 0))
        return seconds and seconds * math.exp((when - monotonic()) / RECENT)

    def quarters(self, kind, name):
        """How many quarters of all that was had, a whole number: small differences make no turns."""
        had = self._now((kind, name))
        return int(4 * had / self._now(None)) if had > 0.001 else 0


class _Held(object):
    """A slot that is held."""

    __slots__ = ('reader', 'greenlet', 'since', 'called_back')

    def __init__(self, reader, greenlet, since):
        self.reader = reader
        self.greenlet = greenlet
        self.since = since
        self.called_back = False


class _Waiter(object):
    """A read that waits.

    held: the _Held when it has its slot
    over: whether it waits no longer
    """

    __slots__ = ('reader', 'number', 'greenlet', 'turn', 'held', 'over')

    def __init__(self, reader, number):
        self.reader = reader
        self.number = number
        self.greenlet = getcurrent()
        self.turn = Event()
        self.held = None
        self.over = False


class _Queue(object):
    """The waiters of one route, as heaps of (deadline, number, waiter).

    A user who holds a slot, or has had many, waits in a line of his own: thousands may stand behind him in the common
    one, and none of them must be looked at to find who is next.
    """

    def __init__(self):
        self._common = []
        self._apart = {}    # by user

    def __bool__(self):
        return bool(self._common or self._apart)

    __nonzero__ = __bool__      # Python 2.7

    def add(self, waiter):
        entry = waiter.reader.deadline, waiter.number, waiter
        heapq.heappush(self._apart.get(waiter.reader.user, self._common), entry)

    def let_in(self, user):
        """The user is one as most others again."""
        for entry in self._apart.pop(user, ()):
            heapq.heappush(self._common, entry)

    def heads(self, stands_apart, is_out):
        """The first entry of each line, with its line, once those who are out are gone.

        :param stands_apart: function of a user: whether he waits in a line of his own
        :param is_out: function of a waiter
        """
        common = self._common
        while common and (is_out(common[0][2]) or stands_apart(common[0][2].reader.user)):
            entry = heapq.heappop(common)
            if not entry[2].over:
                heapq.heappush(self._apart.setdefault(entry[2].reader.user, []), entry)
        for user, line in list(self._apart.items()):
            while line and is_out(line[0][2]):
                heapq.heappop(line)
            if not line:
                del self._apart[user]
        return [(line[0], line) for line in [common] + list(self._apart.values()) if line]
