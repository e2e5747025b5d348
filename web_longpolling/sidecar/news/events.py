# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Published events, and the answer that carries some of them."""
import collections
import json

try:
    from collections.abc import Mapping
except ImportError:
    from collections import Mapping

# What one answer carries at most; a follower that is further behind asks again at once. Events, bytes.
ANSWER_EVENTS = 1000
ANSWER_BYTES = 4 * 1024 * 1024


class FeedEvent(collections.namedtuple('FeedEvent', 'id txid channel payload')):
    """One event of the feed.

    id: its number in the order of publishing
    txid: the id of its transaction
    channel: the channel it was published on
    payload: its payload as JSON, bytes, as it stands in the table; b'null' for a signal. Bytes, since a character of
        Python 2.7's text takes four of them
    """

    __slots__ = ()


class EventBatch(Mapping):
    """What ``request.follow`` returns; read-only, because followers of the same share one.

    ``position``: text, the position to ask from next time
    ``events``: list of ``{"id", "channel", "payload"}`` in the order of publishing, a fresh one at each access
    ``missed``: True, and only then there, if events before these are no longer kept

    A controller that wants to change it makes a ``dict(...)`` of it.
    """

    __slots__ = ('_position', '_events', '_missed', '_answer')

    def __init__(self, position, events, missed=False):
        """
        :param position: text
        :param events: list of FeedEvents
        """
        self._position = position
        self._events = events
        self._missed = missed
        self._answer = None

    def __getitem__(self, name):
        if name == 'position':
            return self._position
        if name == 'events':
            return [{'id': event.id, 'channel': event.channel, 'payload': json.loads(event.payload.decode('utf-8'))}
                    for event in self._events]
        if name == 'missed' and self._missed:
            return True
        raise KeyError(name)

    def __iter__(self):
        return iter(('position', 'events', 'missed') if self._missed else ('position', 'events'))

    def __len__(self):
        return 3 if self._missed else 2

    @property
    def size(self):
        """About how many bytes it holds, once it is encoded."""
        return 2 * sum(len(event.payload) + 200 for event in self._events)

    def encoded(self):
        """The JSON of it as bytes. The payloads are JSON in the table, and go to the browser as they are."""
        events = b', '.join(b'{"id": %d, "channel": %s, "payload": %s}' % (
            event.id, json.dumps(event.channel).encode('ascii'), event.payload) for event in self._events)
        return b'{"position": "%s", "events": [%s]%s}' % (
            self._position.encode('ascii'), events, b', "missed": true' if self._missed else b'')

    def shared(self, build):
        """The answer that `build` makes of it, made once for all polls that are answered with it."""
        if self._answer is None:
            self._answer = build()
        return self._answer


def first_part(events):
    """As many of the events as one answer may carry.

    :param events: FeedEvents in the order of their ids
    :returns: list of FeedEvents, and whether these are all
    """
    carried, size = [], 0
    for event in events:
        if len(carried) >= ANSWER_EVENTS or size >= ANSWER_BYTES:
            return carried, False
        carried.append(event)
        size += len(event.payload)
    return carried, True


def is_json(payload):
    """Whether `payload`, bytes of UTF-8, is JSON, as browsers read it: Python's parser takes NaN and Infinity, too."""
    try:
        json.loads(payload.decode('utf-8'), parse_constant=_refuse)
    except (ValueError, RuntimeError):      # RuntimeError: nested too deeply
        return False
    return True


def _refuse(constant):
    raise ValueError("%s is no value of JSON" % constant)
