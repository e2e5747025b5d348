# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Whether tickets are good: all that ask at the same time are looked for together, as sessions are verified.

::

    Request.ticket, verify_again     a poll that has come, or that is about to go on or to be answered
      -> Tickets.look                waits for the next batch
        Tickets._run                 a greenlet, as long as somebody asks: one slot of the budget, before all readers
          one statement for all tokens; the channels of those that are known are not read again
"""
import json

import gevent
from gevent.event import AsyncResult

from ...errors import Unavailable
from ..loop.clock import monotonic
from ..loop.deadline import PollTimeout

# Seconds after which the channels of a ticket that nobody has asked for are forgotten.
UNUSED = 300

_LOOK = """
    SELECT digest, uid, CASE WHEN digest = ANY(%(known)s) THEN NULL ELSE channels END
    FROM longpolling_ticket WHERE digest = ANY(%(asked)s) AND expires > (now() AT TIME ZONE 'UTC')"""


class Ticket(object):
    """What the host permits; one object for all polls that have its token. ``request.ticket`` gives it.

    digest: what it is found by
    uid: the id of the user whose it is; None: of whoever has the token
    channels: frozenset of names
    asked: when somebody asked for it last, on the monotonic clock
    """

    __slots__ = ('digest', 'uid', 'channels', 'asked')

    def __init__(self, digest, uid, channels):
        self.digest = digest
        self.uid = uid
        self.channels = channels
        self.asked = 0

    def __repr__(self):
        return '<Ticket of user %s for %d channels>' % (self.uid, len(self.channels))


class Tickets(object):
    """The tickets of one database."""

    def __init__(self, database):
        """
        :param database: the Database
        """
        self._database = database
        self._waiting = {}      # by digest: an AsyncResult, of what no statement has begun to look for
        self._runner = None
        self._known = {}        # by digest
        self._names = {}        # of channels: tickets have many in common
        self._tidied = monotonic()

    def look(self, digest):
        """The Ticket of this digest as it is now, or None; what was changed before the call is seen.

        :raises Unavailable: if that can't be found out just now
        """
        if digest not in self._waiting:
            self._waiting[digest] = AsyncResult()
        result = self._waiting[digest]
        if self._runner is None:
            self._runner = gevent.spawn(self._run)
        try:
            found = result.get()
        except PollTimeout as end:
            end.cause = end.cause or Unavailable(
                "The ticket could not be looked for until the poll's timeout; try again.")
            raise
        if isinstance(found, Exception):
            # All polls of a batch raise the same one, and each would add its stack to those of the others.
            raise found.with_traceback(None) if hasattr(found, 'with_traceback') else found
        return found

    def _run(self):
        try:
            while self._waiting:
                batch = {}
                try:
                    self._database.up_to_date(lambda cr, batch=batch: self._read(cr, batch))
                except Exception as error:
                    batch = batch or self._take()
                    for result in batch.values():
                        result.set(error)
                else:
                    for digest, result in batch.items():
                        result.set(self._known.get(digest))
                self._tidy()
        finally:
            self._runner = None

    def _take(self):
        batch, self._waiting = self._waiting, {}
        return batch

    def _read(self, cr, batch):
        self._database.check_signaling_on(cr, monotonic())
        cr.rollback()       # what follows sees what those have committed who ask until here
        batch.update(self._take())
        now = monotonic()
        asked = sorted(batch)
        cr.execute(_LOOK, {'asked': asked, 'known': [digest for digest in asked if digest in self._known] or ['']})
        good = {}
        for digest, uid, channels in cr.fetchall():
            digest = str(digest)
            good[digest] = self._known[digest] if channels is None else Ticket(digest, uid, self._frozen(channels))
            good[digest].asked = now
        for digest in asked:
            self._known.pop(digest, None)
        self._known.update(good)

    def _frozen(self, channels):
        return frozenset(self._names.setdefault(name, name) for name in json.loads(channels))

    def _tidy(self):
        now = monotonic()
        if now - self._tidied > UNUSED:
            self._tidied = now
            self._known = {digest: ticket for digest, ticket in self._known.items() if now - ticket.asked < UNUSED}
            self._names = {name: name for ticket in self._known.values() for name in ticket.channels}
