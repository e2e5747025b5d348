# -*- coding: utf-8 -*-
"""The recent events of one database, in memory."""
import bisect

from .events import EventBatch

# What is kept of recent events, and what one answer carries at most: a follower that is further behind
# asks again at once.
WINDOW_EVENTS = 10000
WINDOW_BYTES = 32 * 1024 * 1024
ANSWER_EVENTS = 1000
ANSWER_BYTES = 4 * 1024 * 1024


class ReplayBuffer(object):
    """All events after position `start` up to position `last`, in the order of their positions."""

    def __init__(self, start, last):
        self.start = start
        self.last = last
        self._events = []
        self._positions = []    # the same in numbers, for bisect
        self._bytes = 0
        self._answers = {}      # (channels, since) -> EventBatch or None: followers of the same share one

    def append(self, events):
        """Add newer events, and forget the oldest ones beyond the bounds."""
        self._answers.clear()
        for event in events:
            self._events.append(event)
            self._positions.append(event.position)
            self._bytes += len(event.payload)
            self.last = event.position
        self._forget()

    def _forget(self):
        surplus = 0
        while len(self._events) - surplus > WINDOW_EVENTS or self._bytes > WINDOW_BYTES:
            self._bytes -= len(self._events[surplus].payload)
            surplus += 1
        if surplus:
            self.start = self._positions[surplus - 1]
            del self._events[:surplus], self._positions[:surplus]

    def covers(self, since):
        """Whether the window holds all that came after `since`."""
        return self.start <= since <= self.last

    def after(self, channels, since):
        """The EventBatch on `channels` after position `since`, or None if there are none.

        :param channels: tuple of names in alphabetical order
        :param since: a position that the window covers
        """
        key = channels, since
        if key not in self._answers:
            newer = (self._events[index] for index in
                     range(bisect.bisect_right(self._positions, since), len(self._events)))
            self._answers[key] = answer((event for event in newer if event.channel in channels), self.last)
        return self._answers[key]


def answer(published, last, missed=False):
    """One answer with as many of the events as it may carry.

    :param published: FeedEvent events in the order of their positions
    :param last: the position up to which they were looked for
    :returns: EventBatch, or None if there is nothing to tell
    """
    carried, size = [], 0
    for event in published:
        if len(carried) >= ANSWER_EVENTS or size >= ANSWER_BYTES:
            last = carried[-1].position
            break
        carried.append(event)
        size += len(event.payload)
    return EventBatch(last, carried, missed) if carried or missed else None
