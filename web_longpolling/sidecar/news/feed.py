# -*- coding: utf-8 -*-
"""The feed of one database: read once a wake-up, handed to all followers from memory.

::

    commit -> the trigger numbers the event and sends a NOTIFY (schema.py)
      -> Listener -> Feed.wake
        -> Feed._read         one query for the whole database, into the ReplayBuffer of recent events
        -> Feed._release      wakes the followers whom it concerns
          -> Feed.follow      answers each from the ReplayBuffer; from the table, if it asks for older ones

Positions grow in commit order, so «all after position p» is exact: nothing comes later with a smaller one.
"""
import collections
import logging

import gevent
from gevent.event import Event

from ... import schema
from ...errors import Unavailable
from ..loop.clock import monotonic
from .events import FeedEvent
from .replay_buffer import ANSWER_BYTES, ANSWER_EVENTS, ReplayBuffer, answer

_logger = logging.getLogger(__name__)

# Seconds until a failed read is tried again.
PAUSE = 1.0

# One row more than an answer carries, in number or in bytes: a thousand payloads of a megabyte are too many
# at once. The fourth column is true for that row, which says that there may be more behind it.
_BOUNDED = """
    SELECT position, channel, payload, rows_so_far > %(rows)s OR bytes_so_far > %(bytes)s FROM (
        SELECT position, channel, payload, octet_length(payload) AS size,
               row_number() OVER so_far AS rows_so_far, sum(octet_length(payload)) OVER so_far AS bytes_so_far
        FROM (SELECT position, channel, payload FROM longpolling_event
              WHERE {condition} ORDER BY position {order} LIMIT %(rows)s + 1) AS chosen
        WINDOW so_far AS (ORDER BY position {order})
    ) AS counted WHERE bytes_so_far - size <= %(bytes)s ORDER BY position"""
_RECENT = _BOUNDED.format(condition='position IS NOT NULL', order='DESC')
_NEWER = _BOUNDED.format(condition='position > %(since)s', order='ASC')
_NEWER_ON = _BOUNDED.format(condition='channel IN %(channels)s AND position > %(since)s', order='ASC')

# What a wake-up finds is a few events most of the time, and PostgreSQL plans this in half the time.
FEW = 16
_FEW = """
    SELECT position, channel, payload FROM longpolling_event
    WHERE position > %(since)s ORDER BY position LIMIT %(few)s"""

_LAST = "SELECT COALESCE(max(position), 0) FROM longpolling_event"
_HORIZON = "SELECT value FROM ir_config_parameter WHERE key = %s"

_BOUNDS = {'rows': ANSWER_EVENTS, 'bytes': ANSWER_BYTES}


class _Follower(object):
    """A held poll that follows."""

    __slots__ = ('channels', 'since', 'signal')

    def __init__(self, channels, since):
        self.channels = channels
        self.since = since
        self.signal = Event()


class Feed(object):
    """What was published in one database, and who follows it.

    reads: how many times it was read
    """

    def __init__(self, cursor):
        """
        :param cursor: function that gives a context manager of a cursor in a READ ONLY transaction
        """
        self.reads = 0
        self._notified_at = monotonic()    # when the latest notification came
        self._cursor = cursor
        self._window = None
        self._beginnings = 0        # how many times the window was dropped, so as to begin anew
        self._stale = True          # the window may lack what was published
        self._reading = False
        self._followers = collections.defaultdict(set)      # by channel; never an empty set

    def __len__(self):
        return len(set().union(*self._followers.values()))

    def wake(self):
        """Something was published, or may have been."""
        self._stale = True
        self._notified_at = monotonic()
        if self._followers:
            self._refresh()
        elif not self._reading:     # which needs the window, and will find out that it is stale
            self._window = None     # the next one that comes begins with what is recent then

    def begin_anew(self):
        """Something may have been published unheard, or the database was restored: its positions may be lower."""
        self._window = None
        self._beginnings += 1
        self.wake()

    def follow(self, request, channels, since):
        """The EventBatch on `channels` after position `since`, as soon as there are some.

        :param request: the poll's Request
        :param channels: tuple of names in alphabetical order
        :param since: a position; 0 for all that is kept
        :raises AuthenticationError: if the session has ended meanwhile
        """
        follower = _Follower(channels, since)
        for channel in channels:
            self._followers[channel].add(follower)
        try:
            if self._stale:
                self._refresh()
            woken, came = False, monotonic()
            while True:
                follower.signal.clear()
                events = self._look(follower)
                if events is not None:
                    if woken:
                        request.resumed(max(self._notified_at, came))
                    return events
                follower.signal.wait()
                woken = True
        finally:
            for channel in channels:
                self._followers[channel].discard(follower)
                if not self._followers[channel]:
                    del self._followers[channel]

    def _look(self, follower):
        """The EventBatch for a follower, or None; where the window does not reach, from the table."""
        if self._window is None:
            return None
        if self._window.covers(follower.since):
            return self._window.after(follower.channels, follower.since)
        with self._cursor() as cr:
            return _look_up(cr, follower)

    # -- from the table into the window

    def _refresh(self):
        if not self._reading:
            self._reading = True
            gevent.spawn(self._keep_reading)

    def _keep_reading(self):
        told = False
        try:
            while self._stale and self._followers:
                self._stale = False
                try:
                    with self._cursor() as cr:
                        self._read(cr)
                except Exception as error:
                    self._stale = True
                    if not told and not isinstance(error, Unavailable):     # of which the log has been told
                        _logger.exception("The feed can't be read")
                        told = True
                    gevent.sleep(PAUSE)
        finally:
            self._reading = False

    def _read(self, cr):
        """Bring the window up to date, and release whom that concerns: they need not wait for the rollback."""
        self.reads += 1
        window, beginning = self._window, self._beginnings
        if window is None:
            window = _recent(cr)
            if beginning == self._beginnings:
                self._window = window
                self._release(self._followers)      # nobody has looked into it yet
            return
        while True:
            events, all_of_them = _select_newer(cr, window.last)
            if beginning != self._beginnings:
                return      # what was read is of before; the feed is stale, and read again
            window.append(events)
            self._release(set(event.channel for event in events))
            if all_of_them:
                return

    def _release(self, channels):
        """Wake those who follow one of these channels. Who follows others costs nothing, however many they are."""
        for channel in channels:
            for follower in self._followers.get(channel, ()):
                follower.signal.set()


def _select(cr, query, **parameters):
    """The FeedEvent events of one of the queries above, and whether they are all that there are."""
    cr.execute(query, dict(_BOUNDS, **parameters))
    rows = cr.fetchall()
    return [FeedEvent(*row[:3]) for row in rows], not any(row[3] for row in rows)


def _select_newer(cr, since):
    """As :func:`_select`, for the events of all channels after position `since`."""
    cr.execute(_FEW, {'since': since, 'few': FEW})
    rows = cr.fetchall()
    if len(rows) < FEW:
        return [FeedEvent(*row) for row in rows], True
    return _select(cr, _NEWER, since=since)


def _recent(cr):
    """A ReplayBuffer of what was published last: followers that come back after a restart ask for that."""
    last, horizon = _state(cr)
    events, all_of_them = _select(cr, _RECENT)
    window = ReplayBuffer(horizon if all_of_them else events[0].position - 1, last)
    window.append(events)
    return window


def _state(cr):
    """The last position, and the horizon: the highest position whose event is no longer kept."""
    cr.execute(_LAST)
    last = cr.fetchone()[0]
    cr.execute(_HORIZON, (schema.HORIZON,))
    row = cr.fetchone()
    horizon = int(row[0]) if row else 0
    return max(last, horizon), horizon


def _look_up(cr, follower):
    """The EventBatch for a follower whom the window does not reach, or None if it may wait from here on."""
    last, horizon = _state(cr)
    if follower.since > last:       # from a database that was restored from an older copy since
        return answer([], last, missed=True)
    events, all_of_them = _select(cr, _NEWER_ON, channels=follower.channels, since=follower.since)
    found = answer(events, last if all_of_them else events[-1].position, missed=follower.since < horizon)
    if found is None:
        follower.since = last
    return found
