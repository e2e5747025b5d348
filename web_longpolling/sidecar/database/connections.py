# -*- coding: utf-8 -*-
"""The connections on which polls read: at most `max_cursor` a database, each READ ONLY.

They are the sidecar's own and not the host's pool's, for three reasons: the
host's pool raises an error when it is full instead of waiting; it hands out
connections that may write; and it needs three more round trips a cursor.
"""
import contextlib
import logging
import select

import gevent.monkey
import psycopg2
import psycopg2.extensions
from psycopg2.extensions import TRANSACTION_STATUS_ACTIVE

from ...errors import DatabaseUnavailable, ReadCutOff
from ..loop.clock import monotonic
from ..loop.deadline import PollTimeout
from .budget import CursorBudget

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

AT_REST = (psycopg2.extensions.TRANSACTION_STATUS_IDLE, psycopg2.extensions.TRANSACTION_STATUS_INTRANS,
          psycopg2.extensions.TRANSACTION_STATUS_INERROR)


def connect(parameters, name):
    """A new connection, its name visible to the administrator in ``pg_stat_activity``.

    :param parameters: keyword arguments of ``psycopg2.connect``
    :param name: ``application_name``, at most 63 characters count
    :raises DatabaseUnavailable: if PostgreSQL does not let us in
    """
    try:
        return psycopg2.connect(**dict(parameters, application_name=name))
    except psycopg2.Error as error:
        raise DatabaseUnavailable(one_line(error))


def one_line(error):
    """What PostgreSQL says, in one line of the log."""
    return ' '.join(str(error).split())


class Connections(object):
    """The cursor budget of one database and the connections it stands for."""

    def __init__(self, parameters, size, timeout, statement_timeout, check_oid):
        """
        :param parameters: keyword arguments of ``psycopg2.connect``
        :param size: how many connections there may be at once
        :param timeout: seconds that a poll lasts at most
        :param statement_timeout: seconds after which PostgreSQL ends a query whose poll is long gone
        :param check_oid: called with each new connection; may raise DatabaseUnavailable
        """
        # A poll that has just come is never refused because the reads before it were all cut off.
        self.budget = CursorBudget(size, longest=0.9 * timeout)
        self._parameters = parameters
        self._statement_timeout = statement_timeout
        self._check_oid = check_oid
        self._idle = []     # the last one used is the first one taken: the others can grow old
        self._answers = True
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
            try:
                yield connection
                connection.rollback()
            except Exception as error:
                # Whatever a controller made of it: with a broken connection that was the cause.
                if not _recover(connection) or _passes(error):
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
                if not connection.closed:
                    self._idle.append(connection)

    def _take(self):
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and not _is_readable(connection):
                return connection
            connection.close()
        return self._open()

    def _open(self):
        try:
            connection = connect(self._parameters, 'longpolling')
        except DatabaseUnavailable as error:
            raise self._unavailable(error)
        try:
            connection.autocommit = True
            self._check_oid(connection)
            with connection.cursor() as cursor:
                cursor.execute("SET statement_timeout = %s", (int(self._statement_timeout * 1000),))
                if connection.server_version >= 140000:
                    cursor.execute("SET client_connection_check_interval = '1s'")
            connection.autocommit = False
            # psycopg2 opens every transaction of this connection with BEGIN READ ONLY, so that not
            # even a commit in a controller leads to one that may write.
            connection.set_session(readonly=True)
        except psycopg2.Error as error:
            connection.close()
            raise self._unavailable(DatabaseUnavailable(one_line(error)))
        except BaseException:
            connection.close()
            raise
        self._answers = True
        return connection

    def break_off(self, connection, reader, end):
        """Close a connection whose poll has ended, and tell the poll if a query was running.

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
        if self._answers and (self._logged_at is None or now - self._logged_at > QUIET):
            _logger.warning("The database %s does not answer: %s", self._parameters.get('dbname'), error.reason)
            self._logged_at = now
        self._answers = False
        return error


def _passes(error):
    return (getattr(error, 'pgcode', None) or '').startswith(PASSING)


def _recover(connection):
    """Roll back after an error; whether the connection can be used again. It is closed if not."""
    try:
        if not connection.closed and connection.get_transaction_status() in AT_REST:
            connection.rollback()
            return True
    except psycopg2.Error:
        pass
    connection.close()
    return False


def _is_readable(connection):
    """Whether bytes came on an idle connection: PostgreSQL says nothing there but farewell."""
    poller = _poll()
    poller.register(connection.fileno(), select.POLLIN)
    return bool(poller.poll(0))
