# -*- coding: utf-8 -*-
"""FeedEvent events, and the answer that carries some of them."""
import collections
import json

try:
    from collections.abc import Mapping
except ImportError:
    from collections import Mapping


class FeedEvent(collections.namedtuple('FeedEvent', 'position channel payload')):
    """One event of the feed.

    position: its number in commit order
    channel: the channel it was published on
    payload: its payload as JSON text, as it stands in the table
    """

    __slots__ = ()


class EventBatch(Mapping):
    """What ``request.follow`` returns; read-only, because followers of the same share one.

    ``last``: the position to ask from next time
    ``events``: list of ``{"position", "channel", "payload"}``, a fresh one at each access
    ``missed``: True, and only then there, if events before these are no longer kept

    A controller that wants to change it makes a ``dict(...)`` of it.
    """

    __slots__ = ('_last', '_published', '_missed', '_answer')

    def __init__(self, last, published, missed=False):
        self._last = last
        self._published = published
        self._missed = missed
        self._answer = None

    def __getitem__(self, name):
        if name == 'last':
            return self._last
        if name == 'events':
            return [{'position': event.position, 'channel': event.channel, 'payload': json.loads(event.payload)}
                    for event in self._published]
        if name == 'missed' and self._missed:
            return True
        raise KeyError(name)

    def __iter__(self):
        return iter(('last', 'events', 'missed') if self._missed else ('last', 'events'))

    def __len__(self):
        return 3 if self._missed else 2

    def encoded(self):
        """The JSON of it as bytes. The payloads are JSON in the table, and go to the browser as they are."""
        events = ', '.join('{"position": %d, "channel": %s, "payload": %s}' % (
            event.position, json.dumps(event.channel), event.payload) for event in self._published)
        return ('{"last": %d, "events": [%s]%s}' % (
            self._last, events, ', "missed": true' if self._missed else '')).encode('utf-8')

    def shared(self, build):
        """The answer that `build` makes of it, made once for all polls that are answered with it."""
        if self._answer is None:
            self._answer = build()
        return self._answer
