# -*- coding: utf-8 -*-
"""Who listens to what: the subscriptions of one database."""
import collections
import contextlib

from gevent.event import Event

from ...errors import SnapshotHeld
from ...publishing import check_channel, decode
from ..loop.clock import monotonic

# Notifications that one subscription keeps for a controller that is slower than the news.
MAX_PENDING = 1000


class Channels(object):
    """The subscriptions of one database, by channel."""

    def __init__(self):
        self._subscriptions = collections.defaultdict(set)

    @contextlib.contextmanager
    def subscribed(self, subscription):
        """Hand to `subscription` what comes in the block."""
        for channel in subscription.channels:
            self._subscriptions[channel].add(subscription)
        try:
            yield
        finally:
            for channel in subscription.channels:
                listening = self._subscriptions[channel]
                listening.discard(subscription)
                if not listening:
                    del self._subscriptions[channel]

    def tell(self, channel, text):
        """Hand a notification, as ``publishing.notify`` wrote it, to whoever listens on `channel`."""
        for subscription in self._subscriptions.get(channel, ()):
            subscription.receive(text)

    def tell_of_gap(self):
        """Wake everybody: the connection was broken, and something may have been said meanwhile."""
        for subscription in set().union(*self._subscriptions.values()):
            subscription.miss()

    def __len__(self):
        return len(set().union(*self._subscriptions.values()))


class Subscription(object):
    """A poll's ear on some channels: ``with request.listen('mail') as news:``.

    missed: whether the last :meth:`wait` returned because news may have been lost, since the connection
        to PostgreSQL broke or more came than are kept. A controller that reads the state after each wait
        need not look at it.
    """

    __slots__ = ('channels', 'missed', '_request', '_pending', '_gap', '_woken', '_notified_at')

    def __init__(self, request, channels):
        """
        :raises ValueError: if one of the channels is no name of a channel
        """
        self.channels = frozenset(check_channel(channel) for channel in channels)
        self.missed = False
        self._request = request
        self._pending = []
        self._gap = False
        self._woken = Event()
        self._notified_at = None

    def receive(self, text):
        if len(self._pending) < MAX_PENDING:
            self._pending.append(text)
        else:
            self._gap = True
        self._notified_at = self._notified_at or monotonic()
        self._woken.set()

    def miss(self):
        self._gap = True
        self._woken.set()

    def wait(self, timeout=None):
        """Hold the poll until there are news: a greenlet and a socket, no cursor.

        :param timeout: seconds after which it returns without news; None waits until the poll's timeout,
            which answers 204
        :returns: the payloads in commit order (None for a signal without one), oldest first; empty if the
            time is over, or if news were `missed`
        :raises SnapshotHeld: inside ``with request.snapshot()``
        :raises AuthenticationError: if the session has ended meanwhile
        """
        if self._request.holds_snapshot:
            raise SnapshotHeld()
        woken = self._woken.wait(timeout)
        self._woken.clear()
        pending, self._pending = self._pending, []
        self.missed, self._gap = self._gap, False
        if woken:
            notified_at, self._notified_at = self._notified_at, None
            self._request.resumed(notified_at)
        # Decoded here, for each poll anew: what one controller does to a payload is not another's.
        return [decode(text)[1] for text in pending]
