# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Publishing events from model code of the host: seen by every follower if and when the transaction commits.

A publish is one row with the transaction's id (``schema.py``). It takes no lock and sends nothing, so transactions that
publish do not wait for one another. The host's process wakes the sidecars right after its commit (``wake_up.py``). When
it does not (another program wrote the row; the process died in between), they find the row by a look of their own.
"""
import json
import re

# Bytes.
MAX_PAYLOAD = 1024 * 1024
# Characters.
MAX_CHANNEL = 255

try:
    _strings = (basestring,)
except NameError:
    _strings = (str,)

_NOT_STORABLE = re.compile(u'[\0\ud800-\udfff]')

# Events, and bytes of payloads, of one statement of publish_many.
MANY = 1000
MANY_BYTES = 4 * MAX_PAYLOAD

_PUBLISH = "INSERT INTO longpolling_event (channel, payload) VALUES (%s, %s)"
# A signal says "look again": one in a transaction is enough, unless a savepoint has taken it back.
_SIGNAL = """
    INSERT INTO longpolling_event (channel) SELECT %(channel)s WHERE NOT EXISTS (
        SELECT 1 FROM longpolling_event WHERE txid = txid_current() AND channel = %(channel)s AND payload IS NULL)"""
# The ids are given out in the order of the list.
_PUBLISH_MANY = """
    INSERT INTO longpolling_event (channel, payload)
    SELECT channel, payload FROM (VALUES {rows}) AS new (place, channel, payload)
    WHERE payload IS NOT NULL OR NOT EXISTS (
        SELECT 1 FROM longpolling_event AS old
        WHERE old.txid = txid_current() AND old.channel = new.channel AND old.payload IS NULL)
    ORDER BY place"""


def send_after_commit(cr, soon=False):
    """Send the wake-up once after the commit of `cr`. The addon replaces it by the host's way; see ``host/``."""


def check_channel(channel):
    """`channel` itself, as text, if it is the name of one.

    :raises ValueError: if it is no string, is empty, is longer than MAX_CHANNEL characters, or holds something that
        PostgreSQL's text can't hold: a NUL, half of a surrogate pair, bytes that are not UTF-8
    """
    if isinstance(channel, _strings) and isinstance(channel, bytes):
        channel = channel.decode('utf-8')       # Python 2's ordinary strings; a UnicodeDecodeError is a ValueError
    if not isinstance(channel, _strings) or not 0 < len(channel) <= MAX_CHANNEL:
        raise ValueError("A channel is a name of 1 to %d characters, not %.80r." % (MAX_CHANNEL, channel))
    if _NOT_STORABLE.search(channel):
        raise ValueError("The name of a channel can't hold a NUL or half of a surrogate pair: %.80r." % channel)
    return channel


def encode(payload):
    """The payload as JSON text; PostgreSQL's text holds no NUL, and JSON writes it as an escape.

    :raises ValueError: if it has no form in JSON
    """
    try:
        return json.dumps(payload, allow_nan=False, separators=(',', ':'))
    except (TypeError, RuntimeError) as error:      # RuntimeError: nested too deeply
        raise ValueError("The payload has no form in JSON: %s" % error)


def publish(cr, channel, payload=None):
    """Add an event to the feed of `channel`, if and when the transaction of `cr` commits.

    Every follower gets it exactly once, for as long as ``longpolling_retention`` seconds.

    :param cr: the host's cursor, as in any model code
    :param channel: a name of 1 to 255 characters
    :param payload: anything with a form in JSON of 1 MB (1,048,576 bytes) at most; None for a mere signal, of which
        several in one transaction on the same channel are one
    :raises ValueError: if the payload is larger or has no form in JSON, or `channel` is no name of one
    """
    channel, text = _checked(channel, payload)
    if text is None:
        cr.execute(_SIGNAL, {'channel': channel})
    else:
        cr.execute(_PUBLISH, (channel, text))
    send_after_commit(cr)


def publish_many(cr, events):
    """Publish several events, as :func:`publish` does one, in a statement for each thousand of them.

    :param cr: the host's cursor, as in any model code
    :param events: pairs of a channel and a payload, in the order in which they are to be read; None as a payload is a
        mere signal. Where there are none, nothing happens
    :raises ValueError: as of :func:`publish`, and then none of them is published
    """
    batch, size, signals, batches = [], 0, set(), []
    for channel, payload in events:
        channel, text = _checked(channel, payload)
        if text is None:
            if channel in signals:
                continue
            signals.add(channel)
        if not batch or len(batch) == MANY or size + len(text or '') > MANY_BYTES:
            batch, size = [], 0
            batches.append(batch)
        batch.append((len(batch), channel, text))
        size += len(text or '')
    for batch in batches:
        rows = ', '.join(['(%s, %s::varchar, %s::text)'] * len(batch))
        cr.execute(_PUBLISH_MANY.format(rows=rows), tuple(value for row in batch for value in row))
    if batches:
        send_after_commit(cr)


def _checked(channel, payload):
    """The channel, and the payload's JSON or None; raises ValueError as publish does."""
    channel = check_channel(channel)
    if payload is None:
        return channel, None
    text = encode(payload)
    if len(text) > MAX_PAYLOAD:
        raise ValueError("The payload on channel %r is %d bytes long, but the feed keeps %d: publish an id and "
                         "let the page read the record." % (channel, len(text), MAX_PAYLOAD))
    return channel, text
