# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The names under which the bus's channels are found in the feed, and how a message of the bus is an event."""
import hashlib

# All names begin with it.
PREFIX = 'web_longpolling_bus.'

# Characters of one event, of which each may take two in its JSON; a message that is longer is several events.
MOST = 400000


def feed_channel(channel):
    """The name in the feed of a channel of the bus.

    A digest: a browser reads it, and the channel's own name tells the name of the database, or holds a token of
    somebody else's.

    :param channel: text, as in ``bus.bus``
    """
    return PREFIX + hashlib.sha256(channel.encode('utf-8')).hexdigest()[:40]


def payloads(number, message):
    """The payloads of the events that carry a message: ``[id, text]``, and a third item, True, if more is to follow.

    Clients compare the ids of ``bus.bus`` with those that they have read elsewhere, so these go along.

    :param number: the id
    :param message: JSON text
    """
    parts = [message[start:start + MOST] for start in range(0, len(message), MOST)] or ['']
    return [[number, part, True] for part in parts[:-1]] + [[number, parts[-1]]]
