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

from ...errors import DatabaseUnavailable
from ..loop.clock import monotonic
from .budget import CursorBudget

_logger = logging.getLogger(__name__)

# The unpatched one: it is asked without waiting, and a switch here would let another poll in between.
_poll = gevent.monkey.get_original('select', 'poll')

# SQLSTATE classes and codes of what passes by itself (PostgreSQL, appendix A): a full disk, no memory, too many
# connections; an error of the disk; the administrator shuts down or restarts.
PASSING = ('53', '58', '57P')

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

    def __init__(self, parameters, size, statement_timeout, check_oid):
        """
        :param parameters: keyword arguments of ``psycopg2.connect``
        :param size: how many connections there may be at once
        :param statement_timeout: seconds after which PostgreSQL ends a query whose poll is long gone
        :param check_oid: called with each new connection; may raise DatabaseUnavailable
        """
        self.budget = CursorBudget(size)
        self._parameters = parameters
        self._statement_timeout = statement_timeout
        self._check_oid = check_oid
        self._idle = []     # the last one used is the first one taken: the others can grow old
        self._answers = True
        self._logged_at = None      # when it was last logged that the database does not answer

    @contextlib.contextmanager
    def connection(self, route=None):
        """One connection for the length of the block, in a READ ONLY transaction that is rolled back.

        :param route: for which it is counted, as for ``CursorBudget.slot``
        :raises BudgetExhausted: if none became free before the poll's timeout
        :raises DatabaseUnavailable: if PostgreSQL does not answer or breaks off
        """
        with self.budget.slot(route):
            connection = self._take()
            try:
                yield connection
                connection.rollback()
            except Exception as error:
                # Whatever a controller made of it: with a broken connection that was the cause.
                if not _recover(connection) or _passes(error):
                    raise self._unavailable(DatabaseUnavailable(one_line(error)))
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
