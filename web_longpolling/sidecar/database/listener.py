# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The one connection of a database on which PostgreSQL notifies, and on which the feed is read."""
import logging

import gevent
import gevent.event
import psycopg2
from gevent.hub import get_hub

from ... import wake_up
from ...errors import DatabaseUnavailable
from ..loop.backoff import Backoff
from ..loop.clock import monotonic
from ..loop.deadline import ReadTimeout
from ..loop.supervisor import Supervised
from ..news.feed import OtherFeed
from .connections import connect, one_line

_logger = logging.getLogger(__name__)

# Seconds between two attempts to connect: the first and the longest.
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0

# Seconds between two looks for what nobody has notified of, while somebody follows.
LOOK = 0.8

# Seconds that connecting, or one read, may take.
READ_TIME = 10

# Seconds after which a connection on which nothing was said is asked whether PostgreSQL is still there.
SILENCE = 10


class Listener(object):
    """LISTENs in one database and reads its feed, and does so again whenever the connection breaks.

    A notification says only that something may have been published; whoever may connect to the database can send one.

    It may rest while nobody waits for anything: then it has no connection, and :meth:`ask` begins again.

    connected: whether it listens just now
    reconnects: how many times the connection broke
    wakeups: how many notifications came
    """

    def __init__(self, db, parameters, check_identity, feed, on_other_feed, limit, rest=None):
        """
        :param db: the database's name, for the log
        :param parameters: keyword arguments of ``psycopg2.connect``
        :param check_identity: called with each new connection; may raise DatabaseUnavailable
        :param feed: the Feed that is read
        :param on_other_feed: called when the feed is another one than that which was loaded
        :param limit: the ConnectionLimit of all databases
        :param rest: seconds after which it rests; None: never
        """
        self.reconnects = 0
        self.wakeups = 0
        self.connected = False
        self._db = db
        self._parameters = parameters
        self._check_identity = check_identity
        self._feed = feed
        self._on_other_feed = on_other_feed
        self._listening = Supervised("Listening to database %s" % db, self._run)
        self._asked = gevent.event.Event()      # somebody asks for a read, or bytes have come
        self._due = False                       # whether to read now
        self._limit = limit
        self._rest = rest
        self._stopped = False
        self._needed_at = monotonic()
        if rest is not None:
            limit.listeners.append(self)

    @property
    def needed(self):
        """Whether somebody waits for what it hears."""
        return self._feed.wanted

    def stop(self):
        """Give the connection back. Who asks later begins again."""
        self._stopped = True
        self._asked.set()

    def close(self):
        """Nobody asks any more."""
        self.stop()
        self._limit.listeners.remove(self)

    def _may_rest(self):
        now = monotonic()
        if self._rest is None:
            return False
        if self.needed:
            self._needed_at = now
            return False
        return self._stopped or now - self._needed_at > self._rest

    def start(self):
        """Listen from now on, if it does not already."""
        if self._rest is None or self.needed:
            self._stopped = False
            self._listening.start()

    def ask(self):
        """Read the feed now."""
        self._due = True
        self._asked.set()
        if self._rest is not None:
            self.start()

    def _run(self):
        backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        logged = False
        while True:
            if self._may_rest():
                return
            try:
                connection = self._connect()
            except DatabaseUnavailable as error:
                if not logged:
                    _logger.warning("No news from database %s until it answers again: %s", self._db, error.reason)
                    logged = True
                gevent.sleep(backoff.pause())
                continue
            if logged or self.reconnects:
                _logger.info("Listening to database %s again", self._db)
            logged = False
            self.connected = True
            try:
                self._listen(connection, backoff)
            except OtherFeed as error:
                _logger.warning("No news from database %s until it is loaded again: %s", self._db, error)
                self._on_other_feed()
                logged = True
            except (psycopg2.Error, EnvironmentError, ReadTimeout) as error:
                _logger.warning("No news from database %s until it answers again: %s", self._db, one_line(error))
                logged = True
            else:
                return      # it rests
            finally:
                self.connected = False
                connection.close()
                self._limit.changed()
            self.reconnects += 1
            # Not at once: who ends all connections in order to drop the database has a moment for it.
            gevent.sleep(backoff.pause())

    def _connect(self):
        with self._limit.room() as opened:
            connection = connect(self._parameters, 'longpolling listener')
            opened(connection)
        try:
            connection.autocommit = True
            with ReadTimeout(READ_TIME), connection.cursor() as cursor:
                cursor.execute("SET default_transaction_read_only = on; LISTEN " + wake_up.CHANNEL)
                if connection.server_version >= 140000:     # set on the database, it would end this one all the time
                    cursor.execute("SET idle_session_timeout = 0")
                self._check_identity(connection)
        except (psycopg2.Error, ReadTimeout) as error:
            connection.close()
            raise DatabaseUnavailable(one_line(error))
        except BaseException:
            connection.close()
            raise
        return connection

    def _listen(self, connection, backoff):
        """Read the feed whenever that may give something, until the connection breaks with psycopg2.Error, or it rests.
        """
        readable = get_hub().loop.io(connection.fileno(), 1)
        self._due = True
        try:
            with connection.cursor() as cursor:
                while not self._may_rest():
                    if self._due or self._feed.wanted:
                        self._due = False
                        with ReadTimeout(READ_TIME):
                            self._feed.read(cursor)
                        backoff.succeeded()
                    if not self._take_notices(connection):
                        self._asked.clear()
                        if not self._due and not self._wait(readable) and not self._feed.wanted:
                            with ReadTimeout(READ_TIME):
                                cursor.execute("SELECT 1")
                        connection.poll()
                        self._take_notices(connection)
        finally:
            readable.stop()
            readable.close()

    def _take_notices(self, connection):
        """Whether there were notifications, of those that were read from the connection."""
        number = len(connection.notifies)
        if number:
            del connection.notifies[:]
            self.wakeups += number
            self._due = True
            self._feed.notified()
        return number

    def _wait(self, readable):
        """Whether there was a reason to go on, before the time was over."""
        readable.start(self._asked.set)
        try:
            return self._asked.wait(LOOK if self._feed.wanted else SILENCE)
        finally:
            readable.stop()
