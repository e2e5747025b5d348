# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The feed of one database: read once a wake-up, handed to all followers from memory.

::

    commit -> the host's process sends a NOTIFY (wake_up.py)
      -> Listener (database/listener.py), or its own look once a second
        -> Feed.read          one statement for the whole database, into the ReplayBuffer of recent events
          -> Feed._release    wakes the followers of the channels that have something new
            -> Feed._look     answers each from the buffer; from the table, if it asks for older ones

A follower holds a Position. What is new to it is exact, whatever order transactions commit in (``positions.py``).
"""
import collections
import json
import logging

import psycopg2
from gevent.event import Event
from gevent.lock import BoundedSemaphore

from ...errors import DatabaseUnavailable
from ...positions import Position, Snapshot, decode, encode, origin_of
from ..loop.clock import monotonic
from ..loop.deadline import PollTimeout
from .events import ANSWER_BYTES, ANSWER_EVENTS, EventBatch, FeedEvent, is_json
from .replay_buffer import BUFFER_BYTES, BUFFER_EVENTS, Found, ReplayBuffer, collect

_logger = logging.getLogger(__name__)

# Seconds. The table was read so long ago at most, or nobody can say that nothing has happened.
STALE = 10

# What a wake-up finds is a few events most of the time, and PostgreSQL plans a query without windows in half the time.
FEW = 16

# All in one statement, so of one snapshot: the snapshot itself, whether the table is the one that is known, the rows.
_READ = """
    SELECT txid_current_snapshot()::text, identity, 'longpolling_event'::regclass::oid::bigint, {more}
           event.id, event.txid, event.channel, COALESCE(event.payload, 'null'), event.beyond
    FROM longpolling_origin LEFT JOIN ({events}) AS event ON true"""
# One row more than may be carried, in number or in bytes: a thousand payloads of a megabyte are too many at once. The
# last column is true for that row, which says that there may be more behind it.
_BOUNDED = """
    SELECT id, txid, channel, payload, rows_so_far > %(rows)s OR bytes_so_far > %(bytes)s AND rows_so_far > 1 AS beyond
    FROM (
        SELECT id, txid, channel, payload, size, row_number() OVER so_far AS rows_so_far,
               sum(size) OVER so_far AS bytes_so_far
        FROM (SELECT id, txid, channel, payload, COALESCE(octet_length(payload), 4) + 200 AS size
              FROM longpolling_event WHERE {condition} ORDER BY {order} LIMIT %(rows)s + 1) AS chosen
        WINDOW so_far AS (ORDER BY {order})
    ) AS counted WHERE bytes_so_far - size <= %(bytes)s"""
_NEW = "(txid >= %(xmax)s OR txid = ANY(%(in_flight)s::bigint[]))"
_FEW = _READ.format(more='', events="SELECT id, txid, channel, payload, false AS beyond FROM longpolling_event "
                                    "WHERE " + _NEW + " LIMIT %(rows)s")
_NEWER = _READ.format(more='', events=_BOUNDED.format(condition=_NEW, order='id'))
_CHANNELS = "SELECT DISTINCT channel FROM longpolling_event WHERE " + _NEW
_RECENT = _READ.format(more="GREATEST(horizon, (SELECT max(txid) FROM longpolling_purged)), ",
                       events=_BOUNDED.format(condition='true', order='txid DESC, id DESC'))
_MISSED = """
    horizon >= %(oldest)s OR EXISTS (
        SELECT 1 FROM longpolling_purged WHERE channel = ANY(%(channels)s) AND {new}{not_carried}), """
_NOT_CARRIED = " AND (id > %(last)s OR NOT txid_visible_in_snapshot(txid, %(target)s::txid_snapshot))"
_ON_CHANNELS = "channel = ANY(%(channels)s) AND " + _NEW
_OLDER = _READ.format(more=_MISSED.format(new=_NEW, not_carried=''),
                      events=_BOUNDED.format(condition=_ON_CHANNELS, order='id'))
_OLDER_PART = _READ.format(more=_MISSED.format(new=_NEW, not_carried=_NOT_CARRIED), events=_BOUNDED.format(
    condition=_ON_CHANNELS + " AND id > %(last)s AND txid_visible_in_snapshot(txid, %(target)s::txid_snapshot)",
    order='id'))


class OtherFeed(Exception):
    """The table is another one than that which is known: it was restored meanwhile."""


class _Follower(object):
    """A poll that follows: in its ``with`` block, what is published on its channels wakes it.

    ticket: the Ticket whose channels these are, or None
    aligned: whether it has seen exactly what the buffer had when it began to wait, as far as its channels go
    number: of the first batch in the buffer since then that has something for it, None if none has
    """

    __slots__ = ('channels', 'ticket', 'signal', 'aligned', 'number', '_feed')

    def __init__(self, feed, channels, ticket=None):
        self.channels = channels
        self.ticket = ticket
        self.signal = Event()
        self.aligned = False
        self.number = None
        self._feed = feed

    def __enter__(self):
        self._feed._register(self)
        return self

    def __exit__(self, *error):
        self._feed._unregister(self)

    def wake(self, number):
        """
        :param number: the batch that concerns it, or None if it has to look into the table
        """
        if self.number is None:
            self.number = number
        self.signal.set()


class Feed(object):
    """What was published in one database, and who follows it.

    reads: how many times it was read
    """

    def __init__(self, cursor, share, ask):
        """
        :param cursor: function that gives a context manager of a cursor, for those who ask for older events
        :param share: how many of these may read at the same time
        :param ask: called when the feed must be read: the listener then calls :meth:`read`
        """
        self.reads = 0
        self._cursor = cursor
        self._latecomers = BoundedSemaphore(share)
        self._ask = ask
        self._identity = None
        self._buffer = None
        self._notified_at = monotonic()     # when the latest notification came
        self._looked_at = None              # when the last read that succeeded began
        self._begun = 0                     # how many reads have begun
        self._done = 0                      # the number of the last one that has succeeded
        self._succeeded = Event()           # set when one does; there is a new one then
        self._followers = collections.defaultdict(set)      # by channel; never an empty set
        self._of_tickets = collections.defaultdict(set)     # by Ticket, however many channels that has; the same
        self._count = 0
        self._logged = False                # that a payload was none

    def __len__(self):
        return self._count

    @property
    def wanted(self):
        """Whether somebody follows, or waits for a read."""
        return bool(self._count)

    def notified(self):
        """A wake-up has come."""
        self._notified_at = monotonic()

    def begin(self, identity):
        """The registry was loaded: events are those of the feed of this identity from now on.

        :param identity: text, as from ``schema.adopt``
        """
        if identity != self._identity:
            self._identity = identity
            self._buffer = None
            self._wake_all()
        self._ask()

    # -- those who follow

    def begin_here(self, request):
        """Give the request the position of now: the first poll of a page follows from here on."""
        with _Follower(self, frozenset()):
            self._fresh()
            request.position = self._buffer.position()

    def hold(self, request, channels, since, timeout=None, ticket=None):
        """What is new on `channels`, Found, as soon as there is something. None if there is nothing until `timeout`.

        Each function that calls another one on the way to the wait in here costs every held poll a frame, and the
        piece of C's stack below it: a kilobyte on Python 2.7.

        :param request: the poll's Request; its position becomes that of the batch that was found
        :param channels: frozenset of names
        :param since: text, the position that the page knows
        :param timeout: seconds; None: the poll's own timeout ends it
        :param ticket: the Ticket whose channels these are: all that follow by it are registered as one
        :raises BadRequest: if `since` is no position
        :raises AuthenticationError: if the session has ended meanwhile
        """
        origin, position = decode(since)
        came, woken, ends = monotonic(), False, None if timeout is None else monotonic() + timeout
        request.position = since
        with _Follower(self, channels, ticket) as follower:
            while True:
                news = self._look(follower, origin, position)
                if news.batch is not None:
                    request.position = news.batch['position']
                    if woken:
                        request.resumed(max(self._notified_at, came))
                    return news
                origin, position = self._buffer.origin, news.position
                request.position = self._text(position)
                request.hold(channels)
                try:
                    woken = follower.signal.wait(ends and max(ends - monotonic(), 0))
                except PollTimeout as end:
                    end.cause = self._ignorance()
                    raise
                finally:
                    request.channels = None
                    if follower.aligned and not follower.signal.is_set():   # nothing until what was read last
                        request.position = self._buffer.position()
                if not woken:
                    cause = self._ignorance()
                    if cause is not None:
                        raise cause
                    return None

    def names(self, request, channels, news):
        """The names of those `channels` on which something is new, a frozenset, by what :meth:`hold` has given.

        All are named if that is not known, since events are missing.
        """
        if news is None or news.batch is None:
            return frozenset()
        # The controller reads what there is now, so the page needs nothing of the rest of a long batch.
        request.position = self._text(news.position)
        return news.channels if 'missed' not in news.batch else channels

    def _look(self, follower, origin, position):
        """Found, for what is new to a follower; where the buffer does not reach, from the table."""
        while True:
            if self._buffer is None:
                self._fresh()
            buffer, number = self._buffer, follower.number if follower.aligned else None
            follower.number = None
            follower.aligned = False
            follower.signal.clear()
            if origin != buffer.origin:
                return self._nothing_is_known(buffer)
            if _latest(position) > buffer.current.xmax:
                self._fresh()       # it may be another sidecar's, which has read later
                if _latest(position) > self._buffer.current.xmax:
                    return self._nothing_is_known(self._buffer)
                continue
            if buffer.covers(position, number):
                news = buffer.find(follower.channels, position, number)
            else:
                news = self._look_up(follower.channels, position)
                if news.batch is None and (self._buffer is not buffer or follower.signal.is_set()):
                    position = news.position
                    continue
            follower.aligned = buffer.current.covers(news.position.snapshot)
            if news.batch is None and follower.aligned:
                return Found(None, Position(buffer.current), frozenset())
            return news

    @staticmethod
    def _nothing_is_known(buffer):
        batch = EventBatch(buffer.position(), [], missed=True)
        return Found(batch, Position(buffer.current), frozenset())

    def _look_up(self, channels, position):
        """Found, for what is new to the holder of a Position on `channels`, from the table."""
        parameters = {
            'xmax': position.snapshot.xmax, 'in_flight': sorted(position.snapshot.in_flight),
            'oldest': min(position.snapshot.in_flight or [position.snapshot.xmax]),
            'channels': sorted(channels), 'rows': ANSWER_EVENTS, 'bytes': ANSWER_BYTES,
            'last': position.last, 'target': position.target and position.target.postgresql()}
        query = _OLDER if position.target is None else _OLDER_PART
        try:
            self._latecomers.acquire()
        except PollTimeout as timeout:
            timeout.cause = DatabaseUnavailable("too many polls ask for older events at the same time")
            raise
        try:
            with self._cursor() as cr:
                snapshot, _, (missed,), events, more = self._execute(cr, query, parameters)
        except OtherFeed:
            self._ask()
            raise DatabaseUnavailable("its feed was made anew")
        finally:
            self._latecomers.release()
        if position.target is not None and not events and not missed:
            return Found(None, Position(position.target), frozenset())
        return collect(origin_of(self._identity), position, position.target or snapshot, events, more, missed)

    def _register(self, follower):
        for index, key in self._places(follower):
            index[key].add(follower)
        self._count += 1
        if self._count == 1:        # nobody has read for a while
            self._ask()

    def _unregister(self, follower):
        self._count -= 1
        for index, key in self._places(follower):
            index[key].discard(follower)
            if not index[key]:
                del index[key]

    def _places(self, follower):
        if follower.ticket is not None:
            return [(self._of_tickets, follower.ticket)]
        return [(self._followers, channel) for channel in follower.channels]

    def following_by(self, ticket):
        """How many polls follow or wait by this Ticket just now."""
        return len(self._of_tickets.get(ticket, ()))

    def _fresh(self):
        """Wait until the table has been read, by a read that begins after this call."""
        wanted = self._begun + 1
        while self._done < wanted or self._buffer is None:
            self._ask()
            try:
                self._succeeded.wait()
            except PollTimeout as end:
                end.cause = self._ignorance()
                raise

    def _ignorance(self):
        """Why nobody can say that nothing has happened: a DatabaseUnavailable, or None."""
        if self._looked_at is None or monotonic() - self._looked_at > STALE:
            return DatabaseUnavailable("the feed can't be read")
        return None

    def _text(self, position):
        return encode(self._buffer.origin, position)

    # -- from the table into the buffer

    def read(self, cursor):
        """Bring the buffer up to date and wake those whom it concerns. The listener calls it, one call at a time.

        :param cursor: a cursor of a connection in autocommit mode: each statement has a snapshot of its own
        :raises OtherFeed: if the table is another one than :meth:`begin` has named
        """
        if self._identity is None or not self.wanted:
            return
        began = monotonic()
        self._begun += 1
        number = self._begun
        self.reads += 1
        if self._buffer is None:
            self._begin_buffer(cursor)
        else:
            self._read_newer(cursor)
        self._looked_at = began
        self._done = number
        succeeded, self._succeeded = self._succeeded, Event()
        succeeded.set()

    def _read_newer(self, cursor):
        buffer = self._buffer
        since = {'xmax': buffer.current.xmax, 'in_flight': sorted(buffer.current.in_flight)}
        snapshot, identity, _, events, _ = self._execute(cursor, _FEW, dict(since, rows=FEW))
        if len(events) == FEW:
            snapshot, identity, _, events, more = self._execute(
                cursor, _NEWER, dict(since, rows=BUFFER_EVENTS, bytes=BUFFER_BYTES))
            if more:
                return self._skip(cursor, buffer, snapshot, since)
        if self._buffer is not buffer or self._identity != identity:
            return None     # what was read is of before; it is read again
        events.sort()
        self._release(set(event.channel for event in events), buffer.append(snapshot, events))

    def _skip(self, cursor, buffer, snapshot, since):
        """Begin the buffer after more than it can hold: those whom it concerns look into the table."""
        cursor.execute(_CHANNELS, since)
        channels = [row[0] for row in cursor.fetchall()]
        if self._buffer is buffer:
            self._buffer = ReplayBuffer(buffer.origin, snapshot, snapshot)
            self._release(channels, None)

    def _begin_buffer(self, cursor):
        """Begin with what was published last: followers that come back after a restart ask for that."""
        snapshot, identity, (purged,), events, more = self._execute(
            cursor, _RECENT, {'rows': BUFFER_EVENTS, 'bytes': BUFFER_BYTES})
        if self._identity != identity:
            return
        oldest = (purged or 0) + 1      # of the transactions whose events are all there
        if more:
            oldest = max(oldest, min(event.txid for event in events) + 1)   # of this one some may be missing
        start = Snapshot(oldest, frozenset(txid for txid in snapshot.in_flight if txid < oldest))
        self._buffer = ReplayBuffer(origin_of(identity), start, snapshot)
        self._buffer.append(snapshot, sorted(event for event in events if event.txid >= oldest))
        self._wake_all()

    def _execute(self, cursor, query, parameters):
        """The Snapshot, the identity, what else the query asks for, the FeedEvents, and whether there are more."""
        identity = self._identity
        try:
            cursor.execute(query, parameters)
        except psycopg2.ProgrammingError as error:      # a table or column is missing: removed, or being restored
            raise OtherFeed(' '.join(str(error).split()))
        rows = cursor.fetchall()
        if not rows or rows[0][1] != identity or rows[0][1].rsplit('/', 1)[1] != str(rows[0][2]):
            raise OtherFeed("its feed was made anew")
        more = any(row[-1] for row in rows)
        events = [FeedEvent(row[-5], row[-4], row[-3], self._checked(row[-2]))
                  for row in rows if row[-5] is not None and not row[-1]]
        return Snapshot.parse(rows[0][0]), identity, rows[0][3:-5], events, more

    def _checked(self, payload):
        """The payload, which goes to browsers as it stands, as JSON. What another program wrote may be none."""
        payload = payload.encode('utf-8')
        if is_json(payload):
            return payload
        if not self._logged:
            _logger.warning("Somebody else than longpolling.publish has written a payload that is not JSON: %.200r; "
                            "it reaches the pages as text", payload)
            self._logged = True
        return json.dumps(payload.decode('utf-8')).encode('ascii')

    def _release(self, channels, number):
        """Wake those who follow one of these channels.

        Who follows others costs nothing, however many they are; a ticket costs a look into the set of its channels.
        """
        channels = frozenset(channels)
        for channel in channels:
            for follower in self._followers.get(channel, ()):
                follower.wake(number)
        for ticket, followers in self._of_tickets.items():
            if not ticket.channels.isdisjoint(channels):
                for follower in followers:
                    follower.wake(number)

    def _wake_all(self):
        for follower in set().union(*(list(self._followers.values()) + list(self._of_tickets.values()))):
            follower.wake(None)


def _latest(position):
    """The highest transaction id that a Position knows of, and one more."""
    return max(position.snapshot.xmax, position.target.xmax if position.target is not None else 0)
