# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The recent events of one database, in memory: one read of the table serves all followers."""
import bisect
import collections

from .events import EventBatch, first_part
from ...positions import Position, encode

# What is kept of recent events. Bytes, EVENT_BYTES of each event among them.
BUFFER_EVENTS = 10000
BUFFER_BYTES = 32 * 1024 * 1024
EVENT_BYTES = 200
# Bytes of answers that are kept for followers who ask for the same.
ANSWERS_BYTES = 8 * 1024 * 1024

_Batch = collections.namedtuple('_Batch', 'number snapshot events')


class Found(collections.namedtuple('Found', 'batch position channels')):
    """What a look for new events gives.

    batch: an EventBatch, or None if there is nothing new
    position: the Position up to which was looked; `batch` may end before it
    channels: a frozenset, those of the events in the batch
    """

    __slots__ = ()


class ReplayBuffer(object):
    """All events that the Snapshot `start` does not see and the Snapshot `current` sees.

    origin: what the positions of this feed begin with
    """

    def __init__(self, origin, start, current):
        self.origin = origin
        self.start = start
        self.current = current
        self._batches = collections.deque()     # one for each read that has found something
        self._numbers = 0
        self._on_channel = {}       # by channel: a deque of (number of its batch, FeedEvent); never an empty one
        self._count = 0
        self._bytes = 0
        self._answers = {}          # Found, for followers who ask for the same
        self._answers_bytes = 0

    def append(self, snapshot, events):
        """Add what a read has found.

        :param snapshot: the Snapshot of the read
        :param events: FeedEvents in the order of their ids: all that it sees and `current` does not
        :returns: the number of the batch
        """
        self.current = snapshot
        self._answers.clear()
        self._answers_bytes = 0
        if events:
            self._numbers += 1
            self._batches.append(_Batch(self._numbers, snapshot, events))
            for event in events:
                self._on_channel.setdefault(event.channel, collections.deque()).append((self._numbers, event))
                self._bytes += len(event.payload) + EVENT_BYTES
            self._count += len(events)
            while self._count > BUFFER_EVENTS or self._bytes > BUFFER_BYTES:
                self._forget()
        return self._numbers

    def _forget(self):
        batch = self._batches.popleft()
        self.start = batch.snapshot
        for event in batch.events:
            on_channel = self._on_channel[event.channel]
            on_channel.popleft()
            if not on_channel:
                del self._on_channel[event.channel]
            self._bytes -= len(event.payload) + EVENT_BYTES
        self._count -= len(batch.events)

    def position(self):
        """The text of the position of all that was read."""
        return encode(self.origin, Position(self.current))

    def covers(self, position, number=None):
        """Whether all that is new to a Position is here.

        :param number: the number of the first batch that has something for its holder, if that is known
        """
        if number is not None:
            return bool(self._batches) and self._batches[0].number <= number
        return position.snapshot == self.current or position.snapshot.covers(self.start)

    def find(self, channels, position, number=None):
        """Found, for what is new on `channels` to the holder of a Position that is covered.

        :param channels: a frozenset of names
        :param number: as for :meth:`covers`; then nothing before that batch is new to the holder, and all after it is
        """
        if position.target is None and number is None and position.snapshot == self.current:
            return Found(None, position, frozenset())
        key = channels, position if number is None else number
        found = self._answers.get(key)
        if found is None:
            found = self._answers[key] = self._find(channels, position, number)
            self._answers_bytes += 500 + (found.batch.size if found.batch is not None else 0)
            if self._answers_bytes > ANSWERS_BYTES:     # whoever asks for each position gets no more memory than this
                self._answers.clear()
                self._answers_bytes = 0
        return found

    def _find(self, channels, position, number):
        events = self._new_to(channels, position, number)
        upto = position.target or self.current
        if position.target is not None:
            events = [event for event in events if upto.sees(event.txid)]
            if not events:
                return self._find(channels, Position(upto), None)
        elif not self.current.covers(position.snapshot):
            upto = position.snapshot        # its holder has seen more than was read here, so there is nothing new
        return collect(self.origin, position, upto, events)

    def _new_to(self, channels, position, number):
        first = self._first_batch(position) if number is None else number
        if len(channels) > len(self._on_channel):
            channels = channels.intersection(self._on_channel)
        events = []
        for channel in channels:
            for batch, event in reversed(self._on_channel.get(channel, ())):
                if batch < first:
                    break
                if number is not None or not position.has(event):
                    events.append(event)
        events.sort()
        return events

    def _first_batch(self, position):
        """The number of the first batch that may hold something new to the holder of a Position."""
        if not self._batches:
            return self._numbers + 1
        seen = bisect.bisect_left(_Chain(self._batches, position.snapshot), True)
        return self._batches[0].number + seen


class _Chain(object):
    """The batches as bisect sees them: False for those whose snapshots are covered, then True."""

    def __init__(self, batches, snapshot):
        self._batches = batches
        self._snapshot = snapshot

    def __len__(self):
        return len(self._batches)

    def __getitem__(self, index):
        return not self._snapshot.covers(self._batches[index].snapshot)


def collect(origin, position, upto, events, more=False, missed=False):
    """Found, with one answer that carries as many of the events as it may.

    :param position: the Position of who asked
    :param upto: the Snapshot up to which all events were looked for
    :param events: FeedEvents in the order of their ids, none of which `position` has
    :param more: whether there are more behind them
    :param missed: whether some that are new are no longer kept
    """
    carried, all_of_them = first_part(events)
    if more or not all_of_them:
        end = Position(position.snapshot, upto, carried[-1].id)
    else:
        end = Position(upto)
    batch = EventBatch(encode(origin, end), carried, missed) if carried or missed else None
    return Found(batch, Position(upto), frozenset(event.channel for event in events))
