# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The connections on which polls read: at most `max_cursor` a database, each READ ONLY.

They are the sidecar's own and not the host's pool's, for three reasons: the
host's pool raises an error when it is full instead of waiting; it hands out
connections that may write; and it needs three more round trips a cursor.

A PostgreSQL that has vanished without a word is noticed wherever we wait for it (``waiting.py``), and a connection that
a controller has had comes back as new.
"""
import contextlib
import logging
import select

import gevent
import gevent.monkey
import psycopg2
import psycopg2.extensions
from psycopg2.extensions import TRANSACTION_STATUS_ACTIVE

from ... import host
from ...errors import DatabaseUnavailable, ReadCutOff
from ..loop.clock import monotonic
from ..loop.deadline import PollTimeout
from ..loop.supervisor import Supervised
from . import waiting
from .budget import CursorBudget
from .resolver import addressed

_logger = logging.getLogger(__name__)

# The unpatched one: it is asked without waiting, and a switch here would let another poll in between.
_poll = gevent.monkey.get_original('select', 'poll')

# SQLSTATE classes and codes of what passes by itself (PostgreSQL, appendix A): a full disk, no memory, too many
# connections; an error of the disk; the administrator shuts down or restarts.
PASSING = ('53', '58', '57P')
# SQLSTATE codes of a query that took too long: canceled by statement_timeout or the administrator, lock_timeout.
TOO_LONG = ('57014', '55P03')

# Seconds in which a database that comes and goes is logged once.
QUIET = 60

# Seconds. A connection that was idle for longer is asked whether PostgreSQL is still there before it is used.
FRESH = 1
# Seconds until PostgreSQL is asked, on another connection, whether it is still there, while a query runs.
PATIENCE = 5

# Beside the sidecar's own, whose cursors run no controller's code: nothing is left behind on their connections.
OWN = ('the feed', 'a route that is not known')

# What DISCARD ALL does and can be done in one round trip, since it may stand beside other commands.
_AS_NEW = ("SET SESSION AUTHORIZATION DEFAULT; RESET ALL; DEALLOCATE ALL; CLOSE ALL; UNLISTEN *; DISCARD TEMP; "
           "SELECT pg_advisory_unlock_all(); ")

AT_REST = (psycopg2.extensions.TRANSACTION_STATUS_IDLE, psycopg2.extensions.TRANSACTION_STATUS_INTRANS,
          psycopg2.extensions.TRANSACTION_STATUS_INERROR)


def connect(parameters, name):
    """A new connection, its name visible to the administrator in ``pg_stat_activity``.

    :param parameters: keyword arguments of ``psycopg2.connect``
    :param name: ``application_name``, at most 63 characters count
    :raises DatabaseUnavailable: if PostgreSQL does not let us in
    """
    try:
        # libpq's own connect_timeout does not count when it does not wait itself (psycopg2's green mode).
        with waiting.bounded(waiting.ANSWER):
            return psycopg2.connect(**dict(waiting.KEEPALIVE, **dict(addressed(parameters), application_name=name)))
    except psycopg2.Error as error:
        reason = one_line(error)
    # Out here: the traceback of psycopg2's own error holds the connection, and would keep its socket open with ours.
    raise DatabaseUnavailable(reason)


def one_line(error):
    """What PostgreSQL says, in one line of the log."""
    return ' '.join(str(error).split())


def present(parameters):
    """Ask PostgreSQL on a new connection whether it is there; False if it says nothing, two times.

    Whatever it says, be it that it has no connection for us, it is there. (Two times: this process may have been busy
    itself.)
    """
    for _ in range(2):
        try:
            with waiting.bounded(PATIENCE):
                psycopg2.connect(**dict(addressed(parameters), application_name='longpolling')).close()
        except DatabaseUnavailable:
            continue
        except psycopg2.Error:
            pass
        return True
    return False


class Connections(object):
    """The cursor budget of one database and the connections it stands for.

    answers: whether the last connection that was opened could be
    """

    def __init__(self, parameters, size, timeout, statement_timeout, check_oid, limit):
        """
        :param parameters: keyword arguments of ``psycopg2.connect``
        :param size: how many connections there may be at once
        :param timeout: seconds that a poll lasts at most
        :param statement_timeout: seconds after which PostgreSQL ends a query whose poll is long gone
        :param check_oid: called with each new connection; may raise DatabaseUnavailable
        :param limit: the ConnectionLimit of all databases
        """
        # A poll that has just come is never refused because the reads before it were all cut off.
        self.budget = CursorBudget(size, longest=0.9 * timeout)
        self._parameters = parameters
        self._settings = "SET statement_timeout = %d; SET datestyle = ISO" % (statement_timeout * 1000)
        self._check_oid = check_oid
        self._limit = limit
        limit.pools.append(self)
        self._idle = []     # (connection, since when): the last one used is the first one taken, the others grow old
        self._lent = {}     # connection -> since when
        self._watching = Supervised("Watching the connections to database %s" % parameters.get('dbname'), self._watch)
        self.answers = True
        self._logged_at = None      # when it was last logged that the database does not answer
        self._cut_off_at = None     # the same of a read that took too long

    @contextlib.contextmanager
    def connection(self, reader=None):
        """One connection for the length of the block, in a READ ONLY transaction that is rolled back.

        :param reader: for whom it is counted, as for ``CursorBudget.slot``
        :raises BudgetExhausted: if what is to be read could not be finished before the poll ends
        :raises ReadCutOff: if PostgreSQL has ended a query that took too long
        :raises DatabaseUnavailable: if PostgreSQL does not answer or breaks off
        """
        with self.budget.slot(reader):
            connection = self._take()
            self._lent[connection] = monotonic()
            self._watching.start()
            try:
                yield connection
                self._clean(connection, reader)
            except Exception as error:
                # Whatever a controller made of it: with a broken connection that was the cause.
                if not self._recover(connection, reader) or _passes(error):
                    raise self._unavailable(DatabaseUnavailable(one_line(error)))
                if getattr(error, 'pgcode', None) in TOO_LONG:
                    raise self.cut_off(reader)
                raise
            except BaseException:
                # The poll ended by its timeout or because its client is gone. A rollback would wait
                # for the query that still runs; PostgreSQL ends it when it sees the closed socket.
                connection.close()
                raise
            finally:
                del self._lent[connection]
                if not connection.closed:
                    self._idle.append((connection, monotonic()))
                self._limit.changed()

    def _take(self):
        try:
            return self._idle_one() or self._open()
        except PollTimeout as end:
            end.cause = end.cause or DatabaseUnavailable("the poll's time was over before it was connected")
            raise

    def _idle_one(self):
        while self._idle:
            connection, since = self._idle.pop()
            if not connection.closed and not _is_readable(connection):
                if monotonic() - since < FRESH or self._answers_on(connection):
                    return connection
                self._unavailable(DatabaseUnavailable("nothing is heard on an idle connection; all are made anew"))
                self._drop_idle()
            connection.close()
        return None

    def _drop_idle(self):
        """One connection is dead: the others are too, or it costs little to make them anew."""
        idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.close()

    @property
    def idle_since(self):
        """Since when its oldest idle connection is, on the monotonic clock; None if there is none."""
        return self._idle[0][1] if self._idle else None

    def close_oldest(self):
        """Close the connection that has been idle for longest."""
        self._idle.pop(0)[0].close()

    def close_idle(self, seconds):
        """Close what has been idle for longer than that."""
        while self._idle and monotonic() - self._idle[0][1] > seconds:
            self.close_oldest()

    def close(self):
        """Nobody reads here any more."""
        self._drop_idle()
        self._limit.pools.remove(self)

    @staticmethod
    def _answers_on(connection):
        try:
            with waiting.bounded(PATIENCE):
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1")
                connection.rollback()
            return True
        except (DatabaseUnavailable, psycopg2.Error):
            return False
        except BaseException:       # the poll has ended meanwhile
            connection.close()
            raise

    def _clean(self, connection, reader):
        """Make a connection as new, whatever was done on it, and ready for the next poll.

        :raises psycopg2.Error, DatabaseUnavailable: if it is broken
        """
        with waiting.bounded(waiting.ANSWER):
            host.roll_back(connection)
            if reader is not None and reader.route not in OWN:
                # In this order nothing of it is a round trip of its own: outside of autocommit psycopg2 only notes
                # how the next transaction is to begin.
                connection.set_session(isolation_level='default', readonly='default')
                connection.autocommit = True
                with connection.cursor() as cursor:
                    cursor.execute(_AS_NEW + self._settings)
            if connection.autocommit:
                self._make_ready(connection)

    @staticmethod
    def _make_ready(connection):
        connection.autocommit = False
        # psycopg2 opens every transaction of this connection with BEGIN READ ONLY.
        connection.set_session(readonly=True)

    def _watch(self):
        """While connections are lent: notice that PostgreSQL has vanished in the midst of a query."""
        while self._lent:
            gevent.sleep(PATIENCE)
            if any(monotonic() - since > PATIENCE for since in self._lent.values()) and not present(self._parameters):
                self._unavailable(DatabaseUnavailable("a query runs, and the server says nothing any more"))
                self._drop_idle()
                for connection, since in list(self._lent.items()):
                    if monotonic() - since > PATIENCE and not connection.closed:
                        waiting.hang_up(connection)       # the kernel wakes whoever waits on it

    def _open(self):
        try:
            with self._limit.room() as opened:
                connection = connect(self._parameters, 'longpolling')
                opened(connection)
        except DatabaseUnavailable as error:
            raise self._unavailable(error)
        try:
            with waiting.bounded(waiting.ANSWER):
                connection.autocommit = True
                self._check_oid(connection)
                if connection.server_version >= 140000 and 'client_connection_check' not in self._settings:
                    self._settings += "; SET client_connection_check_interval = '1s'"
                with connection.cursor() as cursor:
                    cursor.execute(self._settings)
                self._make_ready(connection)
        except psycopg2.Error as error:
            connection.close()
            raise self._unavailable(DatabaseUnavailable(one_line(error)))
        except BaseException:
            connection.close()
            raise
        self.answers = True
        return connection

    def _recover(self, connection, reader):
        """Roll back after an error; whether the connection can be used again. It is closed if not."""
        try:
            if not connection.closed and connection.get_transaction_status() in AT_REST:
                self._clean(connection, reader)
                return True
        except (psycopg2.Error, DatabaseUnavailable):
            pass
        connection.close()
        self._drop_idle()
        return False

    def break_off(self, connection, reader, end):
        """Close a connection whose poll has ended, and note on its end if a query was running.

        :param end: the BaseException with which it ended
        """
        # psycopg2 itself closes it when a query is broken off.
        running = connection.closed or connection.get_transaction_status() == TRANSACTION_STATUS_ACTIVE
        connection.close()
        if running and isinstance(end, PollTimeout) and end.cause is None:
            end.cause = self.cut_off(reader)

    def cut_off(self, reader):
        """The ReadCutOff of a read that took too long."""
        now = monotonic()
        if self._cut_off_at is None or now - self._cut_off_at > QUIET:
            self._cut_off_at = now
            _logger.warning("A read of %s in database %s took too long, and was cut off; others may have been too",
                            reader.route if reader else 'the sidecar itself', self._parameters.get('dbname'))
        return ReadCutOff("Reading took too long, and was cut off; try again.")

    def _unavailable(self, error):
        # Once: while the database is down, thousands of polls may come and ask again.
        now = monotonic()
        if self.answers and (self._logged_at is None or now - self._logged_at > QUIET):
            _logger.warning("The database %s does not answer: %s", self._parameters.get('dbname'), error.reason)
            self._logged_at = now
        self.answers = False
        return error


def _passes(error):
    return (getattr(error, 'pgcode', None) or '').startswith(PASSING)


def _is_readable(connection):
    """Whether bytes came on an idle connection: PostgreSQL says nothing there but farewell."""
    poller = _poll()
    poller.register(connection.fileno(), select.POLLIN)
    return bool(poller.poll(0))
