# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The names under which the bus's channels are found in the feed, and how a message of the bus is an event."""
import hashlib

# All names begin with it.
PREFIX = 'web_longpolling_bus.'

# Characters of one event; a message that is longer is several events. Odoo's own messages are ASCII, of which each
# character may take two in the event's JSON; of others it may take twelve.
MOST, MOST_OF_OTHERS = 400000, 80000


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
    most = MOST if message.isascii() else MOST_OF_OTHERS
    parts = [message[start:start + most] for start in range(0, len(message), most)] or ['']
    return [[number, part, True] for part in parts[:-1]] + [[number, parts[-1]]]
