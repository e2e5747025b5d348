# -*- coding: utf-8 -*-
"""Telling news from model code of the host: sent if and when its transaction commits.

``notify`` wakes whoever listens and leaves nothing behind: PostgreSQL's NOTIFY. ``publish`` keeps the
event in the feed's table, numbered in commit order; its trigger (``schema.py``) sends the wake-up.
"""
import itertools
import json

# The two names on which every sidecar LISTENs. A channel of an addon is part of the message, never an
# identifier in SQL.
NEWS = 'longpolling_news'
FEED = 'longpolling_feed'

# Bytes. PostgreSQL carries one less than 8000 (async.c, NOTIFY_PAYLOAD_MAX_LENGTH).
MAX_NOTIFICATION = 7999
MAX_PAYLOAD = 1024 * 1024
MAX_CHANNEL = 255

_serial = itertools.count()

try:
    _strings = (basestring,)
except NameError:
    _strings = (str,)


def check_channel(channel):
    """`channel` itself, as text, if it is the name of one.

    :raises ValueError: if it is no string, empty, or longer than MAX_CHANNEL characters
    """
    if isinstance(channel, _strings) and isinstance(channel, bytes):
        channel = channel.decode('utf-8')       # Python 2's ordinary strings
    if not isinstance(channel, _strings) or not 0 < len(channel) <= MAX_CHANNEL:
        raise ValueError("A channel is a name of 1 to %d characters, not %.80r." % (MAX_CHANNEL, channel))
    return channel


def encode(payload):
    """The payload as JSON text; PostgreSQL's text holds no NUL, and JSON writes it as an escape.

    :raises ValueError: if it has no form in JSON
    """
    try:
        return json.dumps(payload, allow_nan=False, separators=(',', ':'))
    except TypeError as error:
        raise ValueError("The payload has no form in JSON: %s" % error)


def notify(cr, channel, payload=None):
    """Wake whoever listens on `channel`, if and when the transaction of `cr` commits.

    :param cr: the host's cursor, as in any model code
    :param channel: a name of 1 to 255 characters
    :param payload: what ``news.wait()`` returns; anything with a form in JSON. Without one the
        notification is a mere signal, and several of one transaction arrive as one
    :raises ValueError: if PostgreSQL can't carry it: 7,999 bytes at most, channel included
    """
    message = [check_channel(channel)]
    if payload is not None:
        # The serial tells equal payloads apart: PostgreSQL drops a notification of a transaction that
        # equals an earlier one.
        message += [payload, next(_serial)]
    text = encode(message)
    if len(text) > MAX_NOTIFICATION:
        raise ValueError(
            "The notification on channel %r is %d bytes long, but PostgreSQL carries %d: send an id and let "
            "the controller read the record, or publish() it." % (channel, len(text), MAX_NOTIFICATION))
    cr.execute("SELECT pg_notify(%s, %s)", (NEWS, text))


def decode(text):
    """The (channel, payload) of a notification that :func:`notify` has sent."""
    message = json.loads(text)
    return message[0], message[1] if len(message) > 1 else None


def publish(cr, channel, payload):
    """Add an event to the feed of `channel`, if and when the transaction of `cr` commits.

    It is kept for ``longpolling_retention`` seconds and numbered in commit order; ``request.follow``
    hands it to every follower exactly once.

    :param cr: the host's cursor, as in any model code
    :param channel: a name of 1 to 255 characters
    :param payload: anything with a form in JSON of 1 MB (1,048,576 bytes) at most
    :raises ValueError: if it is larger or has no form in JSON
    """
    text = encode(payload)
    if len(text) > MAX_PAYLOAD:
        raise ValueError("The payload on channel %r is %d bytes long, but a feed keeps %d: publish an id and let "
                         "the page read the record." % (channel, len(text), MAX_PAYLOAD))
    cr.execute("INSERT INTO longpolling_event (channel, payload) VALUES (%s, %s)", (check_channel(channel), text))
