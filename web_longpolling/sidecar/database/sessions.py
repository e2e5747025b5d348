# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Whether sessions are good: all that ask at the same time are verified together.

::

    Request.log_in, verify_again     a poll that has come, or that is about to go on or to be answered
      -> Sessions.log_in, look
        -> Sessions._ask             waits for the next batch
          Sessions._run              a greenlet, as long as somebody asks: one slot of the budget, before all readers
            adapter.later_session    the session store, file by file; those that have not changed are not read again
            adapter.prove            one statement for the users of all of them
        -> Sessions._check           OpenERP 7.0, a user of whom that proves nothing: the host's check of the password

A batch begins after the last of its polls has asked: what was changed before is seen.
"""
import collections

import gevent
from gevent.event import AsyncResult, Event
from gevent.lock import BoundedSemaphore

from ... import host
from ...errors import Unavailable
from ..loop.clock import monotonic
from ..loop.deadline import PollTimeout
from ..loop.fresh_stack import run_on_fresh_stack

# Sessions of one statement. Between two batches the answers of the first one leave.
BATCH = 500
# Batches after which the slot is given back, if others wait for it.
IN_A_ROW = 32
# Seconds after which a session that is gone is looked for once more: a host that renews one removes it for a moment.
SECOND_LOOK = 0.1

_Unproven = collections.namedtuple('_Unproven', 'session')


class _Batch(object):
    """What is verified together.

    asked: the Session of each key as it was just read, or None if it is to be read
    found: by key: the Session if it is good, None if not, _Unproven, or the exception with which it ended
    waiting: how many polls wait for that
    """

    __slots__ = ('asked', 'found', 'done', 'waiting')

    def __init__(self):
        self.waiting = 0
        self.asked = {}
        self.found = {}
        self.done = Event()


class Sessions(object):
    """Verifies the sessions of one database's polls."""

    def __init__(self, database, most_checks):
        """
        :param database: the Database
        :param most_checks: how many passwords are checked at the same time, each with a cursor of its own
        """
        self._database = database
        self._batches = collections.deque()
        self._runner = None
        self._has_cursor = False
        self._proven = []
        self._checks = {}       # by user and secret: an AsyncResult
        self._checking = BoundedSemaphore(most_checks)

    def log_in(self, session):
        """Whether the Session of a poll that has come is good; rights and modules are as they are now, then.

        :raises Unavailable: if that can't be found out just now
        """
        return self._verify(session.key, session) is not None

    def look(self, key, uid):
        """The Session of a poll that was verified before, as it is now; None if it has ended, or is somebody else's.

        :raises Unavailable: if that can't be found out just now
        """
        session = self._verify(key, None)
        if session is None:
            gevent.sleep(SECOND_LOOK)
            session = self._verify(key, None)
        return session if session is not None and session.uid == uid else None

    def prove(self, cr, key, uid):
        """As :meth:`look`, on a cursor that the caller has already; None also if that alone is no proof."""
        session = host.adapter().later_session(key)
        if session is None or session.db != self._database.name or session.uid != uid:
            return None
        return session if host.adapter().prove(cr, [session])[0] is True else None

    def _verify(self, key, session):
        found = self._ask(key, session)
        if isinstance(found, _Unproven):
            found = found.session if self._check(found.session) else None
        if isinstance(found, Exception):
            # All polls of a batch raise the same one, and each would add its stack to those of the others.
            raise found.with_traceback(None) if hasattr(found, 'with_traceback') else found
        return found

    # -- in batches

    def _ask(self, key, session):
        batch = self._batches[-1] if self._batches else None
        if batch is None or len(batch.asked) >= BATCH and key not in batch.asked:
            batch = _Batch()
            self._batches.append(batch)
        # It is to be read, if one of those who ask says so.
        batch.asked[key] = batch.asked[key] and session if key in batch.asked else session
        if self._runner is None:
            self._runner = gevent.spawn(self._run)
        batch.waiting += 1
        try:
            batch.done.wait()
        except PollTimeout as end:
            end.cause = end.cause or _too_late()
            raise
        finally:
            batch.waiting -= 1
            if not batch.waiting:
                self._forget(batch)
        return batch.found[key]

    def _forget(self, batch):
        """Nobody waits for it any more: if it has not begun, it need not."""
        if batch in self._batches:
            self._batches.remove(batch)
            if not self._batches and not self._has_cursor:
                runner, self._runner = self._runner, None
                runner.kill(block=False)        # who leaves, leaves the queue for a cursor too

    def _run(self):
        try:
            while self._batches:
                try:
                    self._database.up_to_date(self._prove_some)
                except Exception as error:
                    self._fail(error)
                finally:
                    self._tell()
        finally:
            if self._runner is gevent.getcurrent():
                self._runner = None
            if self._batches and self._runner is None:
                self._runner = gevent.spawn(self._run)

    def _fail(self, error):
        """End those who wait: their question could not be asked."""
        while self._batches:
            batch = self._batches.popleft()
            batch.found = dict.fromkeys(batch.asked, error)
            batch.done.set()

    def _tell(self):
        while self._proven:
            self._proven.pop().done.set()

    def _prove_some(self, cr):
        self._has_cursor = True
        try:
            self._prove_in_a_row(cr)
        finally:
            self._has_cursor = False

    def _prove_in_a_row(self, cr):
        for _ in range(IN_A_ROW):
            if not self._batches:
                return
            # Whoever asks from here on comes into another batch.
            batch = self._batches.popleft()
            try:
                self._database.check_signaling_on(cr, monotonic())
                self._prove(cr, batch)
            except BaseException:
                self._batches.appendleft(batch)
                raise
            self._proven.append(batch)      # the last one is answered when the cursor is free again
            if self._batches:
                self._tell()
                cr.rollback()       # the next one sees what was committed meanwhile

    def _prove(self, cr, batch):
        sessions = {}
        for key, session in batch.asked.items():
            try:
                session = session or host.adapter().later_session(key)
            except Unavailable as error:
                batch.found[key] = error
                continue
            if session is None or session.db != self._database.name:
                batch.found[key] = None
            else:
                sessions[key] = session
        if not sessions:
            return
        wanted = list(sessions.values())
        proofs = host.adapter().prove(cr, wanted)
        for key, session, proof in zip(sessions, wanted, proofs):       # noqa: B905
            batch.found[key] = session if proof is True else _Unproven(session) if proof is None else proof or None

    # -- one by one

    def _check(self, session):
        """Whether the host's own check finds the session good; asked once for all polls of one login."""
        key = session.uid, session.secret
        while key in self._checks:
            try:
                good = self._checks[key].get()
            except PollTimeout as end:
                end.cause = end.cause or _too_late()
                raise
            if good is not None:
                return good
        result = self._checks[key] = AsyncResult()
        good = None         # for those who wait, if this poll ends first: one of them asks
        try:
            with self._checking:
                # All polls that were woken in this turn of the loop come here before the check begins; who comes later
                # may know of something newer, and asks again.
                gevent.sleep(0)
                del self._checks[key]
                good = self._check_with_cursor(session)
        except Exception as error:
            result.set_exception(error)
            raise
        except PollTimeout as end:
            end.cause = end.cause or _too_late()
            raise
        finally:
            if self._checks.get(key) is result:
                del self._checks[key]
            if not result.ready():
                result.set(good)
        return good

    def _check_with_cursor(self, session):
        with self._database.writable_cursor() as cr:
            good = run_on_fresh_stack(host.adapter().verify, cr, session)
        if isinstance(good, Exception):
            raise good
        return good


def _too_late():
    """With what a poll ends that could not look: it is none to which nothing has happened."""
    return Unavailable("The login could not be verified until the poll's timeout; try again.")
