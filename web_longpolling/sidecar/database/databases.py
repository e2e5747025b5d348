# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The databases of this process: those that are named, or whichever is polled.

::

    Application._receive
      -> Databases.meant           the Databases that a poll may be for, the likeliest first, as the host finds them:
        OnDemand.of                that of its session, within the host's dbfilter
        Cluster.of_visitor         without a login: the one that the browser is in, or the only one of the host asked
        Cluster.of_ticket          or that of a ticket, which must be good there
        -> OnDemand._admit         a place for one more: the one that was polled longest ago makes room
      -> Database.is_served        held until its registry is there
    Databases._tidy                a greenlet: forgets what nobody polls, and what does not exist any more

Who has a session of a database can have it loaded: the host has written its file when somebody logged in. Strangers can
have those loaded to which the host would let them, but take no more than their share of the places, and users go first.
"""
import logging

import gevent

from ... import host
from ...errors import DatabaseUnavailable, Stopping, TooManyDatabases
from ...tickets import place_of, taken_apart
from ..loop import memory
from ..loop.clock import monotonic
from ..loop.supervisor import Supervised
from .cluster import Cluster, exist
from .database import Database
from .registry import NotInstalled, turn

_logger = logging.getLogger(__name__)

# Seconds between two looks for databases that nobody polls any more, or that are gone.
TIDY = 5
# Seconds for which a connection of a database that is loaded on demand stays idle.
REST = 60
# Seconds for which strangers are not let to a database again that has not the module.
REFUSED = 5
# Of the places of databases, and of those that may be in use: strangers may have one of so many.
SHARE = 2


class Databases(object):
    """The databases that were named at the start.

    on_demand: whether others are loaded when they are polled
    on_begin(database), on_forget(database): called when there is one more or less
    """

    on_demand = False

    def __init__(self, max_cursor, timeout, limit):
        """
        :param max_cursor: how many cursors of each may be open at once
        :param timeout: seconds that a poll lasts at most
        :param limit: the ConnectionLimit of all of them
        """
        self.limit = limit
        self.on_begin = self.on_forget = lambda database: None
        self._max_cursor = max_cursor
        self._timeout = timeout
        self._databases = {}
        self._tidying = Supervised("Looking after the databases", self._tidy)

    def __len__(self):
        return len(self._databases)

    def list(self):
        """The Databases that there are just now."""
        return list(self._databases.values())

    def add(self, name):
        """Serve this database; it is loaded later."""
        self._databases[name] = Database(name, self._max_cursor, self._timeout, self.limit)

    def begin(self):
        """Serve: called once, when the start is over."""
        for database in self.list():
            self.on_begin(database)
            if database.registry.loaded:
                database.begin()
        self._tidying.start()

    def _tidy(self):
        while True:
            gevent.sleep(TIDY)
            self._look_after()
            if memory.collector.due and not turn.taken:
                with turn(lambda: False):
                    memory.collector.collect()

    def _look_after(self):
        """Nothing: they stay."""

    def of(self, session, asked):
        """The Database of a session, None if there is none.

        :param session: the Session that somebody claims, or None
        :param asked: the host that the browser has asked, the header Host
        """
        return self._databases.get(session.db) if session is not None else None

    def meant(self, session, cookies, tokens, asked):
        """The Databases that a poll may be for, the likeliest first, as an iterable.

        :param session: as for :meth:`of`
        :param cookies: dict
        :param tokens: function that gives a list of what may be tickets
        :param asked: as for :meth:`of`
        """
        database = self.of(session, asked)
        return [database] if database is not None else []

    def of_ticket(self, parts, asked):
        """The Database of a ticket; None if there is no such ticket.

        :param parts: as from ``tickets.taken_apart``
        :param asked: as for :meth:`of`
        :raises DatabaseUnavailable: if that can't be found out just now
        """
        for database in self.list():
            if place_of(database.name) == parts[0]:
                return database
        if not self.complete:
            raise DatabaseUnavailable("perhaps the ticket is one of a database that is not loaded")
        return None

    def stop(self):
        """This process ends: polls that wait for a registry are sent elsewhere."""
        for database in self.list():
            if not database.registry.loaded:
                database.registry.stop(Stopping("This server is stopping; poll again."))

    @property
    def complete(self):
        """Whether every database that may be asked for is loaded."""
        return all(database.registry.loaded for database in self.list())


class OnDemand(Databases):
    """Every database that the host would serve, as soon as somebody polls it."""

    on_demand = True

    def __init__(self, max_cursor, timeout, limit, most, idle):
        """
        :param most: how many there may be at once
        :param idle: seconds after which one that nobody polls is forgotten; 0: never
        """
        Databases.__init__(self, max_cursor, timeout, limit)
        self._most = most
        self._most_in_use = limit.most - max_cursor
        self._idle = idle
        self._cluster = Cluster()
        self._refused = {}      # by name: when it turned out that it has not the module, on the monotonic clock

    complete = False

    def of(self, session, asked):
        """As above. It may have to be loaded first; that has begun.

        :raises TooManyDatabases: if as many as there may be are in use
        """
        if session is None or not _is_name(session.db) or not host.adapter().serves(session.db, asked):
            return None
        database = self._take(session.db, False)
        if database is not None:
            database.registry.urgent = True
        return database

    def meant(self, session, cookies, tokens, asked):
        database = self.of(session, asked)
        if database is not None:
            yield database
        name = self._cluster.of_visitor(host.adapter().visited(cookies), asked)
        database = self._take(name, True) if name is not None else None
        if database is not None:
            yield database
        for token in tokens():
            database = self.of_ticket(taken_apart(token), asked)
            if database is not None:
                yield database

    def of_ticket(self, parts, asked):
        name = self._cluster.of_ticket(parts[0], asked)
        if name is None or name not in self._databases and not self._cluster.has_ticket(name, parts[1]):
            return None
        return self._take(name, True)

    def _take(self, name, by_stranger):
        database = self._databases.get(name)
        if database is None and by_stranger and monotonic() - self._refused.get(name, float('-inf')) < REFUSED:
            return None
        if database is None or not database.in_use:
            self._check_in_use(by_stranger)
        return database or self._admit(name, by_stranger)

    def _check_in_use(self, by_stranger):
        in_use = [database for database in self.list() if database.in_use]
        if len(in_use) >= self._most_in_use or by_stranger and _strangers(in_use) >= self._most_in_use // SHARE:
            raise TooManyDatabases("The connections to PostgreSQL that this server may have are enough for the "
                                   "databases that are in use; try again later.")

    def _admit(self, name, by_stranger):
        if len(self._databases) >= self._most or by_stranger and self._strangers_have_all():
            if exist([name]) == frozenset():        # before another one is forgotten for it
                return None
            if name in self._databases:             # somebody else has asked for it meanwhile
                return self._databases[name]
            self._make_room(by_stranger)
        database = self._databases[name] = Database(name, self._max_cursor, self._timeout, self.limit, REST)
        database.registry.urgent = not by_stranger
        database.registry.on_failure = lambda error: self._failed(database, error)
        self.on_begin(database)
        database.registry.begin()
        return database

    def _strangers_have_all(self):
        """Whether strangers have all of the places that they may have."""
        return _strangers(self.list()) >= max(self._most // SHARE, 1)

    def _make_room(self, by_stranger):
        while True:
            others = self.list()
            if by_stranger and self._strangers_have_all():
                others = [database for database in others if not database.registry.urgent]
            elif len(others) < self._most:
                return
            unused = [database for database in others if not database.in_use]
            if not unused:
                raise TooManyDatabases("This server serves %d databases already, and all are in use; try again later."
                                       % self._most)
            self._forget(min(unused, key=lambda database: database.used_at), "another one needs its place")

    def _failed(self, database, error):
        """A registry could not be loaded; returns the error that its polls get, and whether it is given up."""
        if not isinstance(error, NotInstalled) and exist([database.name]) == frozenset():
            error = NotInstalled("The database %s does not exist." % database.name)
        if isinstance(error, NotInstalled):
            self._refused[database.name] = monotonic()
        if isinstance(error, NotInstalled) or not database.registry.generation:
            _logger.info("The database %s is not served: %s", database.name, getattr(error, 'reason', error))
            self._forget(database, None)
            return error, True
        return error, False

    def _forget(self, database, reason):
        """
        :param reason: for the log; None: it was never loaded
        """
        if self._databases.get(database.name) is database:
            del self._databases[database.name]
            self.on_forget(database)
        loaded = database.registry.generation
        database.close()
        if loaded:
            _logger.info("The database %s is forgotten: %s", database.name, reason or "it is not served any more")

    def _look_after(self):
        now = monotonic()
        self._refused = {name: when for name, when in self._refused.items() if now - when < REFUSED}
        for database in self.list():
            database.connections.close_idle(REST)
            if self._idle and not database.in_use and now - database.used_at > self._idle:
                self._forget(database, "nobody has polled it for %d s" % self._idle)
        silent = [database.name for database in self.list() if not database.answers]
        there = exist(silent) if silent else None
        if there is not None:
            for name in set(silent) - there:
                if name in self._databases:
                    self._forget(self._databases[name], "it does not exist any more")


def _is_name(name):
    """Whether this can be the name of a database that the host serves; libpq would take some texts for an address."""
    if isinstance(name, bytes):         # OpenERP 7.0: see startup.py
        try:
            name = name.decode('ascii')
        except UnicodeDecodeError:
            return False
    return bool(name) and not any(each in name for each in ('://', '=', '\0'))


def _strangers(databases):
    """How many of these Databases no user has asked for yet."""
    return sum(1 for database in databases if not database.registry.urgent)
