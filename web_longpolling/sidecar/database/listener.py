# -*- coding: utf-8 -*-
"""The one connection of a database on which PostgreSQL tells what was committed."""
import logging

import gevent
import gevent.socket
import psycopg2

from ... import publishing
from ...errors import DatabaseUnavailable
from ..loop.backoff import Backoff
from .connections import connect, one_line

_logger = logging.getLogger(__name__)

# Seconds between two attempts to connect: the first and the longest.
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0

# A connection of which nothing is heard is dead after 10 + 3 * 5 seconds; the kernel's default is hours.
KEEPALIVE = {'keepalives': 1, 'keepalives_idle': 10, 'keepalives_interval': 5, 'keepalives_count': 3}


class Listener(object):
    """LISTENs in one database, and listens again whenever the connection breaks.

    on_news(channel, text): called for each notification of ``longpolling.notify``, in commit order
    on_feed(): called after commits that have published events
    on_gap(): called when it listens again: something may have been said meanwhile
    connected: whether it listens just now
    reconnects: how many times the connection broke
    wakeups: how many notifications came
    """

    def __init__(self, db, parameters, check_oid, on_news, on_feed, on_gap):
        """
        :param db: the database's name, for the log
        :param parameters: keyword arguments of ``psycopg2.connect``
        :param check_oid: called with each new connection; may raise DatabaseUnavailable
        """
        self.reconnects = 0
        self.wakeups = 0
        self.connected = False
        self._db = db
        self._parameters = dict(parameters, **KEEPALIVE)
        self._check_oid = check_oid
        self._on_news = on_news
        self._on_feed = on_feed
        self._on_gap = on_gap
        self._greenlet = None

    def start(self):
        """Listen from now on, if it does not already."""
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)

    def _run(self):
        backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        logged = False
        while True:
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
            backoff.succeeded()
            logged = False
            self.connected = True
            self._on_gap()
            try:
                self._listen(connection)
            except (psycopg2.Error, EnvironmentError) as error:
                _logger.warning("No news from database %s until it answers again: %s", self._db,
                                one_line(error))
                logged = True
            finally:
                self.connected = False
                connection.close()
            self.reconnects += 1
            # Not at once: who ends all connections in order to drop the database has a moment for it.
            gevent.sleep(backoff.pause())

    def _connect(self):
        connection = connect(self._parameters, 'longpolling listener')
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("LISTEN %s; LISTEN %s" % (publishing.NEWS, publishing.FEED))
            self._check_oid(connection)
        except psycopg2.Error as error:
            connection.close()
            raise DatabaseUnavailable(one_line(error))
        except DatabaseUnavailable:
            connection.close()
            raise
        return connection

    def _listen(self, connection):
        """Hand on what comes until the connection breaks with psycopg2.Error."""
        while True:
            gevent.socket.wait_read(connection.fileno())
            connection.poll()
            self.wakeups += len(connection.notifies)
            feed = False
            while connection.notifies:
                notice = connection.notifies.pop(0)
                if notice.channel == publishing.FEED:
                    feed = True
                else:
                    self._tell(notice.payload)
            if feed:
                self._on_feed()     # once, however many transactions it was

    def _tell(self, text):
        try:
            channel = publishing.decode(text)[0]
        except (ValueError, LookupError, TypeError):
            _logger.warning("Somebody else than longpolling.notify sent %.200r in database %s", text, self._db)
        else:
            self._on_news(channel, text)
