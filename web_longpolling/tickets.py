# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Tickets: the host's permission to follow some channels, for pages without a login or with many channels.

A ticket is a random token that the host hands to a page, and a row that says whose it is, what it is for, and until
when. The row has a digest of the token alone: who reads the table, or a backup of it, can't poll with what is in it.
The sidecar reads the row at every poll, and again before the answer of one that was held
(``sidecar/database/tickets.py``). So it is good on all sidecars from the commit on that wrote it, and on none after the
commit that deleted it.
"""
import base64
import hashlib
import json
import os
import re

from .publishing import check_channel

# Seconds that a ticket is good, unless it is renewed.
LASTS = 3600

# Seconds: some three centuries. PostgreSQL would fail of still more, and with it the transaction of the host.
LONGEST = 1e10

# Bytes of a token that nobody can guess.
_RANDOM = 24
_TOKEN = re.compile(r'([0-9a-f]{12})\.([A-Za-z0-9_-]{32})\Z')

_INSERT = """
    INSERT INTO longpolling_ticket (digest, uid, channels, expires)
    VALUES (%s, %s, %s, (clock_timestamp() AT TIME ZONE 'UTC') + %s * interval '1 s')"""
_RENEW = """
    UPDATE longpolling_ticket SET expires = (clock_timestamp() AT TIME ZONE 'UTC') + %s * interval '1 s'
    WHERE digest = %s AND expires > (clock_timestamp() AT TIME ZONE 'UTC') RETURNING 1"""
_REVOKE = "DELETE FROM longpolling_ticket WHERE digest = %s RETURNING 1"


def place_of(database):
    """What the tokens of a database begin with: a page without a login says in no other way which one it means."""
    return hashlib.sha256(database.encode('utf-8')).hexdigest()[:12]


def taken_apart(token):
    """The place and the digest of a token; None if it can't be one.

    :param token: what a page has sent, any value of JSON
    """
    if isinstance(token, bytes):
        token = token.decode('ascii', 'replace')
    match = _TOKEN.match(token) if isinstance(token, type(u'')) else None
    if match is None:
        return None
    return str(match.group(1)), hashlib.sha256(match.group(2).encode('ascii')).hexdigest()


def ticket(cr, channels, uid=None, seconds=LASTS):
    """Permit whoever has the token to follow `channels`, from the commit of this transaction on.

    :param cr: the host's cursor, as in any model code
    :param channels: list of names, or one name
    :param uid: the id of the user whose login alone may use it; None or False: whoever has the token, also without a
        login
    :param seconds: how long it is good, from now on
    :returns: the token, a text that can't be guessed. It is a secret: send it to the page that may follow, and no other
    :raises ValueError: if there is no channel, one can't be that, or `seconds` is not positive, or endless
    """
    if isinstance(channels, (bytes, type(u''))):
        channels = [channels]
    channels = sorted(set(check_channel(channel) for channel in channels))
    if not channels:
        raise ValueError("Name at least one channel.")
    secret = base64.urlsafe_b64encode(os.urandom(_RANDOM)).decode('ascii')
    token = '%s.%s' % (place_of(_database(cr)), secret)
    cr.execute(_INSERT, (taken_apart(token)[1], None if uid is False else uid,
                         json.dumps(channels, separators=(',', ':')), _positive(seconds)))
    return str(token)


def renew_ticket(cr, token, seconds=LASTS):
    """Let a ticket that has not expired be good for so many seconds from now on.

    :returns: whether there is such a ticket
    :raises ValueError: if `seconds` is not positive, or endless
    """
    return _changed(cr, token, _RENEW, (_positive(seconds),))


def revoke_ticket(cr, token):
    """End a ticket, from the commit of this transaction on; what is held by it gets no more answer.

    :returns: whether there was such a ticket
    """
    return _changed(cr, token, _REVOKE, ())


def _changed(cr, token, statement, parameters):
    parts = taken_apart(token)
    if parts is None or parts[0] != place_of(_database(cr)):
        return False
    cr.execute(statement, parameters + (parts[1],))
    return bool(cr.fetchall())


def _positive(seconds):
    if not 0 < seconds < LONGEST:
        raise ValueError("A ticket is good for a positive number of seconds, not for %r." % (seconds,))
    return seconds


def _database(cr):
    """The name by which the sidecar knows the database of `cr`; cursors of other libraries do not tell theirs."""
    name = getattr(cr, 'dbname', None)
    if name is None:
        cr.execute("SELECT current_database()")
        [(name,)] = cr.fetchall()
    return name
