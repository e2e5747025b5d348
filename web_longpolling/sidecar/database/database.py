# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""One served database: its registry, its routes, its cursor budget, its news."""
import contextlib

from ... import host, settings
from ...errors import DatabaseUnavailable
from ..loop.clock import monotonic
from ..loop.deadline import PollTimeout
from ..loop.fresh_stack import run_on_fresh_stack
from ..news.feed import Feed
from .budget import Reader
from .connections import Connections
from .listener import Listener
from .registry import NotInstalled, RegistryLoader
from .sessions import Sessions
from .tickets import Tickets

# Seconds that PostgreSQL may go on with a query after the poll's timeout.
QUERY_GRACE = 5

# Seconds that the check of a password waits for a row that somebody else changes.
LOCK_PATIENCE = 2

# Seconds that it may take to ask for modules that were installed a moment ago.
ASKING = 10


class RegistryOutdated(Exception):
    """Another process has installed, upgraded or removed a module: the registry must be loaded anew."""


class Use(object):
    """In its ``with`` block a request of a user of this Database, or of nobody's (None), is under way."""

    __slots__ = ('_database',)      # each held poll has one

    def __init__(self, database):
        self._database = database

    def __enter__(self):
        if self._database is not None:
            self._database.polls += 1

    def __exit__(self, *error):
        if self._database is not None:
            self._database.polls -= 1
            self._database.used_at = monotonic()


class Database(object):
    """A database that this sidecar serves.

    parameters: keyword arguments of ``psycopg2.connect``
    registry: its registry; as long as that is not loaded, polls get DatabaseUnavailable
    connections: its cursor budget
    feed: its published events, and who follows them
    sessions: verifies the sessions of its polls
    tickets: the same of their tickets
    polls: how many requests of its users are under way
    used_at: when the last one ended, on the monotonic clock
    """

    def __init__(self, name, max_cursor, timeout, limit, rest=None):
        """
        :param name: the database's name
        :param max_cursor: how many cursors may be open in it at once
        :param timeout: seconds that a poll lasts at most
        :param limit: the ConnectionLimit of all databases
        :param rest: seconds after which nothing listens any more if nobody waits; None: it listens always
        """
        parameters = host.adapter().connection_parameters(name)
        self.name = name
        self.parameters = parameters
        self.registry = RegistryLoader(name, parameters, self.begin)
        self.connections = Connections(parameters, max_cursor, timeout, timeout + QUERY_GRACE,
                                       self.registry.check_oid, limit)
        self.feed = Feed(self._feed_cursor, max(max_cursor // 4, 1), self._ask_for_news)
        self.listener = Listener(name, past_pooler(parameters), self.registry.check_identity, self.feed,
                                 self.registry.outdated, limit, rest)
        self.sessions = Sessions(self, most_checks=max(1, max_cursor // 2))
        self.tickets = Tickets(self)
        self.polls = 0
        self.used_at = monotonic()
        self._timeout = timeout
        self._always = rest is None
        self._checked_at = monotonic()      # when somebody last began to look for changes of rights or modules

    def is_served(self):
        """Hold the poll until the registry is loaded; False if it turns out that the database has not the module.

        :raises DatabaseUnavailable: if it can't be loaded just now
        """
        try:
            self.registry.wait_loaded()
            return True
        except NotInstalled:
            return False
        except PollTimeout as end:
            end.cause = DatabaseUnavailable("its registry is still being loaded")
            raise

    @property
    def in_use(self):
        """Whether a request of one of its users is under way, or somebody follows by a ticket."""
        return bool(self.polls or self.feed.wanted)

    @property
    def answers(self):
        """Whether it seems to be well: what is needed of it is there."""
        return self.registry.loaded and self.connections.answers and self.hears

    @property
    def hears(self):
        """Whether events are heard, as far as somebody waits for them."""
        return self.listener.connected or not (self.listener.needed or self._always)

    def close(self):
        """Nobody uses it any more, or it is gone: give back what it has."""
        self.registry.close()
        self.listener.close()
        self.connections.close()

    def modules(self):
        """The modules with routes that are installed here, a frozenset of names.

        :raises DatabaseUnavailable: if that is not known
        """
        self._check_loaded()
        return self.registry.modules

    @contextlib.contextmanager
    def cursor(self, reader=None):
        """A cursor of the host's class in a READ ONLY transaction, which is rolled back.

        :param reader: for whom it is counted, as for ``CursorBudget.slot``
        :raises BudgetExhausted, ReadCutOff, DatabaseUnavailable: as ``Connections.connection``
        """
        self._check_loaded()
        with self.connections.connection(reader) as connection:
            with self._host_cursor(connection, reader) as cr:
                yield cr

    @contextlib.contextmanager
    def writable_cursor(self):
        """The same in a transaction that may write, which is rolled back all the same: a password check of the host's
        may convert what it has found.

        :raises ReadCutOff, DatabaseUnavailable: as ``Connections.connection``
        """
        self._check_loaded()
        with self.connections.connection() as connection:
            connection.set_session(readonly=False)
            try:
                with self._host_cursor(connection, None) as cr:
                    if connection.server_version >= 90300:
                        cr.execute("SET LOCAL lock_timeout = '%ds'" % LOCK_PATIENCE)
                    yield cr
            finally:
                if not connection.closed:
                    connection.rollback()
                    connection.set_session(readonly=True)

    @contextlib.contextmanager
    def _host_cursor(self, connection, reader):
        adapter = host.adapter()
        cr = adapter.cursor(self.name, connection)
        try:
            yield cr
        except Exception:
            raise
        except BaseException as end:
            # Before the cursor, whose rollback would wait for the running query.
            self.connections.break_off(connection, reader, end)
            raise
        finally:
            adapter.close(cr)

    @contextlib.contextmanager
    def _feed_cursor(self):
        # For older events than those in memory. Not the host's cursor, of which it needs nothing.
        self._check_loaded()
        reader = Reader('the feed', None, monotonic() + self._timeout)
        with self.connections.connection(reader) as connection, connection.cursor() as cursor:
            yield cursor

    def check_signaling(self):
        """Load what another process has changed in rights or modules; whether there are other modules now.

        :raises BudgetExhausted, DatabaseUnavailable: as ``Connections.connection``
        """
        before = self.modules()
        came = monotonic()
        reader = Reader('a route that is not known', None, came + ASKING)
        self.up_to_date(lambda cr: self.check_signaling_on(cr, came), reader)
        return self.modules() != before

    @contextlib.contextmanager
    def current_cursor(self, reader):
        """As :meth:`cursor`, with rights and modules as they are now."""
        came = monotonic()
        while True:
            generation = self.registry.generation
            with self.cursor(reader) as cr:
                try:
                    run_on_fresh_stack(self.check_signaling_on, cr, came)
                except RegistryOutdated:
                    pass
                else:
                    yield cr
                    return
            self.registry.reload_newer_than(generation)     # without a cursor: this may take seconds

    def up_to_date(self, read, reader=None):
        """What `read` returns of a cursor; when it raises RegistryOutdated, of another one after the registry was
        loaded anew."""
        while True:
            generation = self.registry.generation
            try:
                with self.cursor(reader) as cr:
                    cr.begin_with_first()
                    return run_on_fresh_stack(read, cr)
            except RegistryOutdated:
                self.registry.reload_newer_than(generation)

    def check_signaling_on(self, cr, came):
        """Take over changed rights, unless somebody has looked for them after `came`.

        :raises RegistryOutdated: if modules have changed
        """
        # Of those that came together and waited for a cursor, one looks for changes, and that serves all.
        if self._checked_at > came:
            return
        began = monotonic()
        if not host.adapter().check_signaling(cr):
            raise RegistryOutdated()
        self._checked_at = began

    def _check_loaded(self):
        if not self.registry.loaded:
            raise DatabaseUnavailable("its registry is not loaded")

    def _ask_for_news(self):
        self.listener.ask()

    def begin(self):
        """The registry is loaded: take up the feed."""
        self.feed.begin(self.registry.identity)
        self.listener.start()


def past_pooler(parameters):
    """`parameters` with another host or port, if the administrator has set one for LISTEN."""
    parameters = dict(parameters)
    for name in ('host', 'port'):
        value = settings.read('longpolling_listen_' + name)
        if value is not None:
            parameters[name] = value
    return parameters
