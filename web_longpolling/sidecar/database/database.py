# -*- coding: utf-8 -*-
"""One served database: its registry, its routes, its cursor budget, its news."""
import contextlib

from ... import host, settings
from ...errors import DatabaseUnavailable
from ..loop.clock import monotonic
from ..loop.fresh_stack import run_on_fresh_stack
from ..news.feed import Feed
from .connections import Connections
from .listener import Listener
from .registry import RegistryLoader
from .single_flight import SingleFlight

# Seconds that PostgreSQL may go on with a query after the poll's timeout.
QUERY_GRACE = 5


class RegistryOutdated(Exception):
    """Another process has installed, upgraded or removed a module: the registry must be loaded anew."""


class Database(object):
    """A database that this sidecar serves.

    parameters: keyword arguments of ``psycopg2.connect``
    registry: its registry; as long as that is not loaded, polls get DatabaseUnavailable
    connections: its cursor budget
    feed: its published events, and who follows them
    verify_again(key): whether the session `key` is still good; asked once for all polls that are woken
        together
    """

    def __init__(self, name, max_cursor, timeout):
        """
        :param name: the database's name
        :param max_cursor: how many cursors may be open in it at once
        :param timeout: seconds that a poll lasts at most
        """
        parameters = host.adapter().connection_parameters(name)
        self.name = name
        self.parameters = parameters
        self.registry = RegistryLoader(name, parameters, self.begin)
        self.connections = Connections(parameters, max_cursor, timeout + QUERY_GRACE, self.registry.check_oid)
        self.feed = Feed(self._feed_cursor, max(max_cursor // 4, 1), self._ask_for_news)
        self.listener = Listener(name, _past_pooler(parameters), self.registry.check_identity, self.feed,
                                 self.registry.outdated)
        self.verify_again = SingleFlight(self._still_good)
        self._checked_at = monotonic()      # when somebody last began to look for changes of rights or modules

    def modules(self):
        """The modules with routes that are installed here, a frozenset of names.

        :raises DatabaseUnavailable: if that is not known
        """
        self._check_loaded()
        return self.registry.modules

    @contextlib.contextmanager
    def cursor(self, route=None):
        """A cursor of the host's class in a READ ONLY transaction, which is rolled back.

        :param route: for which it is counted, as for ``CursorBudget.slot``
        :raises BudgetExhausted, DatabaseUnavailable: as ``Connections.connection``
        """
        self._check_loaded()
        adapter = host.adapter()
        with self.connections.connection(route) as connection:
            cr = adapter.cursor(self.name, connection)
            try:
                yield cr
            except Exception:
                raise
            except BaseException:
                connection.close()      # before the cursor, whose rollback would wait for the running query
                raise
            finally:
                adapter.close(cr)

    @contextlib.contextmanager
    def _feed_cursor(self):
        # For older events than those in memory. Not the host's cursor, of which it needs nothing.
        self._check_loaded()
        with self.connections.connection('the feed') as connection, connection.cursor() as cursor:
            yield cursor

    def check_signaling(self):
        """Load what another process has changed in rights or modules; whether there are other modules now.

        :raises BudgetExhausted, DatabaseUnavailable: as ``Connections.connection``
        """
        before = self.modules()
        came = monotonic()
        self._up_to_date(lambda cr: self._check_signaling(cr, came))
        return self.modules() != before

    @contextlib.contextmanager
    def current_cursor(self, route):
        """As :meth:`cursor`, with rights and modules as they are now."""
        came = monotonic()
        while True:
            generation = self.registry.generation
            with self.cursor(route) as cr:
                try:
                    run_on_fresh_stack(self._check_signaling, cr, came)
                except RegistryOutdated:
                    pass
                else:
                    yield cr
                    return
            self.registry.reload_newer_than(generation)     # without a cursor: this may take seconds

    def verify(self, session):
        """Whether a session is good, asked of the database itself; rights and modules are as they are now, then.

        :raises BudgetExhausted, DatabaseUnavailable: as ``Connections.connection``
        """
        came = monotonic()
        return self._up_to_date(lambda cr: self._verify(cr, session, came))

    def _up_to_date(self, read):
        """What `read` returns of a cursor; when it raises RegistryOutdated, of another one after the registry was
        loaded anew."""
        while True:
            generation = self.registry.generation
            try:
                with self.cursor() as cr:
                    return run_on_fresh_stack(read, cr)
            except RegistryOutdated:
                self.registry.reload_newer_than(generation)

    def _verify(self, cr, session, came):
        self._check_signaling(cr, came)
        return host.adapter().verify(cr, session)

    def _check_signaling(self, cr, came):
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

    def _still_good(self, key):
        session = host.adapter().session(key)
        return session is not None and session.db == self.name and self._up_to_date(
            lambda cr: self._verify_woken(cr, session))

    def _verify_woken(self, cr, session):
        # Without a look for changes, which takes longer than this. Who goes on to read has a current_cursor; and what
        # the registry of before finds good, is.
        return host.adapter().verify(cr, session) or self._verify(cr, session, monotonic())

    def _ask_for_news(self):
        self.listener.ask()

    def begin(self):
        """The registry is loaded: take up the feed."""
        self.feed.begin(self.registry.identity)
        self.listener.start()


def _past_pooler(parameters):
    """`parameters` with another host or port, if the administrator has set one for LISTEN."""
    parameters = dict(parameters)
    for name in ('host', 'port'):
        value = settings.read('longpolling_listen_' + name)
        if value is not None:
            parameters[name] = value
    return parameters
