# -*- coding: utf-8 -*-
"""One served database: its registry, its routes, its cursor budget, its news."""
import contextlib

from .. import host, routes, settings
from .apart import apart
from .channels import Channels
from .clock import monotonic
from .connections import Connections
from .feed import Feed
from .listener import Listener
from .verification import Verification

# Seconds that PostgreSQL may go on with a query after the poll's timeout.
QUERY_GRACE = 5


class Database(object):
    """A database that this sidecar serves.

    connections: its cursor budget
    channels: who listens to its notifications
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
        self.connections = Connections(parameters, max_cursor, timeout + QUERY_GRACE)
        self.channels = Channels()
        self.feed = Feed(self.cursor)
        self.listener = Listener(name, _past_pooler(parameters), self.channels.tell, self.feed.wake, self._gap)
        self.verify_again = Verification(self._still_good)
        self._followed = monotonic()    # when somebody last began to look for changes of rights or modules

    def load(self):
        """Load the registry, and with it the routes of the installed modules."""
        host.adapter().load(self.name)

    def modules(self):
        """The modules with routes that are installed here, a frozenset of names."""
        return frozenset(module for module in routes.table.modules
                         if host.adapter().installed(self.name, module))

    @contextlib.contextmanager
    def cursor(self):
        """A cursor of the host's class in a READ ONLY transaction, which is rolled back.

        :raises BudgetExhausted, DatabaseUnavailable: as ``Connections.connection``
        """
        adapter = host.adapter()
        with self.connections.connection() as connection:
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

    def follow_changes(self):
        """Load what another process has changed in rights or modules; whether there are other modules now.

        :raises BudgetExhausted, DatabaseUnavailable: as ``Connections.connection``
        """
        before = self.modules()
        with self.cursor() as cr:
            host.adapter().follow_changes(cr)
        return self.modules() != before

    def verify(self, session):
        """Whether a session is good, asked of the database itself.

        :raises BudgetExhausted, DatabaseUnavailable: as ``Connections.connection``
        """
        came = monotonic()
        with self.cursor() as cr:
            return apart(self._verify, cr, session, came)

    def _verify(self, cr, session, came):
        # Of those that came together and waited for a cursor, one looks for changes, and that is news to all.
        if self._followed <= came:
            began = monotonic()
            host.adapter().follow_changes(cr)
            self._followed = began
        return host.adapter().verify(cr, session)

    def _still_good(self, key):
        session = host.adapter().session(key)
        return session is not None and session.db == self.name and self.verify(session)

    def _gap(self):
        self.channels.tell_of_gap()
        self.feed.wake()


def _past_pooler(parameters):
    """`parameters` with another host or port, if the administrator has set one for LISTEN."""
    parameters = dict(parameters)
    for name in ('host', 'port'):
        value = settings.read('longpolling_listen_' + name)
        if value is not None:
            parameters[name] = value
    return parameters
