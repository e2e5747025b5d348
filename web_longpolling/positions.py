# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Positions: which events a page has seen, exactly, whatever order their transactions committed in.

A position is a snapshot of PostgreSQL: the first transaction id that had not been given out (xmax), and those below it
that were still in flight. An event is new to whoever holds the position if its transaction is one of these. Snapshots
of one database form a chain: each sees all that an earlier one sees.

An answer that carries only a part of what is new has a position of two snapshots: the old one, the one up to which the
answer goes (the target), and the id of the last event that it carries.

To pages a position is opaque text: an origin, which distinguishes a database from its restored copies, and numbers to
the base of 36, the transactions in flight as differences.
"""
import collections
import hashlib
import re

from .errors import BadRequest

# Transactions in flight that one snapshot may name; PostgreSQL has as many as connections and prepared transactions.
MOST_IN_FLIGHT = 20000
# Digits to the base of 36 of a number below 2 ** 64.
_NUMBER = r'[0-9a-z]{1,13}'
_TEXT = re.compile(r'([0-9a-f]{12})\.(%s(?:-%s)*)(?:\.(%s(?:-%s)*)\.(%s))?\Z' % ((_NUMBER,) * 5))
_FIRST_DESIGN = re.compile(r'[0-9]{1,19}\Z')
_DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz'


class Snapshot(collections.namedtuple('Snapshot', 'xmax in_flight')):
    """What one moment sees.

    xmax: the first transaction id that was not given out yet
    in_flight: a frozenset of the ids below it whose transactions were not over
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text):
        """The snapshot that PostgreSQL writes as ``xmin:xmax:id,id,…`` (txid_snapshot)."""
        _, xmax, in_flight = text.split(':')
        return cls(int(xmax), frozenset(int(txid) for txid in in_flight.split(',')) if in_flight else frozenset())

    def postgresql(self):
        """The same as PostgreSQL reads it."""
        in_flight = sorted(self.in_flight)
        xmin = in_flight[0] if in_flight else self.xmax
        return '%d:%d:%s' % (xmin, self.xmax, ','.join(map(str, in_flight)))

    def sees(self, txid):
        """Whether what the transaction `txid` has committed is seen."""
        return txid < self.xmax and txid not in self.in_flight

    def covers(self, other):
        """Whether all that the Snapshot `other` sees is seen."""
        return self.xmax >= other.xmax and all(
            txid >= other.xmax or txid in other.in_flight for txid in self.in_flight)


class Position(collections.namedtuple('Position', 'snapshot target last')):
    """Which events a page has seen.

    snapshot: all that this Snapshot sees
    target: None, or the Snapshot of which the page has seen a part,
    last: that with ids up to this one
    """

    __slots__ = ()

    def __new__(cls, snapshot, target=None, last=0):
        return super(Position, cls).__new__(cls, snapshot, target, last)

    def has(self, event):
        """Whether the FeedEvent was seen."""
        return self.snapshot.sees(event.txid) or (
            self.target is not None and event.id <= self.last and self.target.sees(event.txid))


def origin_of(identity):
    """What positions of a feed begin with, 12 characters, by the identity that ``schema.adopt`` returns."""
    return hashlib.sha1(identity.encode('utf-8')).hexdigest()[:12]      # noqa: S324  not for security


def position(cr):
    """The position of what a transaction of the host sees: who follows from there gets what is not in it.

    So a page may read by an ordinary RPC, whose answer carries this, and follow from there without a gap.

    :param cr: the host's cursor, as in any model code; all that its transaction publishes itself comes after it
    :returns: text
    """
    cr.execute("SELECT txid_current_snapshot()::text, identity FROM longpolling_origin")
    [(snapshot, identity)] = cr.fetchall()
    return encode(origin_of(identity), Position(Snapshot.parse(snapshot)))


def encode(origin, position):
    """The text of a Position, native str."""
    parts = [origin, _encode_snapshot(position.snapshot)]
    if position.target is not None:
        parts += [_encode_snapshot(position.target), _base36(position.last)]
    return '.'.join(parts)


def decode(text):
    """The origin and the Position of a text.

    :param text: what a page has sent, any value of JSON
    :returns: (origin, Position), or (None, None) for a position of the first design, which was a number
    :raises BadRequest: if no sidecar has ever written it
    """
    if isinstance(text, bytes):
        text = text.decode('ascii', 'replace')
    if not isinstance(text, type(u'')):
        if isinstance(text, int) and not isinstance(text, bool) or type(text).__name__ == 'long':
            return None, None
        raise BadRequest("A position is a text that an earlier answer carried.")
    if _FIRST_DESIGN.match(text):
        return None, None
    parts = _TEXT.match(text)
    if parts is None or text.count('-') > 2 * MOST_IN_FLIGHT:
        raise BadRequest("A position is a text that an earlier answer carried.")
    origin, snapshot, target, last = parts.groups()
    position = Position(_decode_snapshot(snapshot), target and _decode_snapshot(target), int(last, 36) if last else 0)
    return str(origin), position


def _encode_snapshot(snapshot):
    numbers, before = [_base36(snapshot.xmax)], snapshot.xmax
    for txid in sorted(snapshot.in_flight, reverse=True):
        numbers.append(_base36(before - txid))
        before = txid
    return '-'.join(numbers)


def _decode_snapshot(text):
    numbers = [int(number, 36) for number in text.split('-')]
    in_flight, txid = set(), numbers[0]
    for difference in numbers[1:]:
        txid -= difference
        in_flight.add(txid)
    if numbers[0] >= 2 ** 63 or txid < 0 or len(in_flight) != len(numbers) - 1 or numbers[0] in in_flight:
        raise BadRequest("A position is a text that an earlier answer carried.")
    return Snapshot(numbers[0], frozenset(in_flight))


def _base36(number):
    digits = ''
    while True:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
        if not number:
            return digits
