# -*- coding: utf-8 -*-
"""One served database: its registry, its routes, its cursor budget."""
from .. import host, routes
from .connections import Connections

# Seconds that PostgreSQL may go on with a query after the poll's timeout.
QUERY_GRACE = 5


class Database(object):
    """A database that this sidecar serves."""

    def __init__(self, name, max_cursor, timeout):
        """
        :param name: the database's name
        :param max_cursor: how many cursors may be open in it at once
        :param timeout: seconds that a poll lasts at most
        """
        self.name = name
        self.connections = Connections(host.adapter().connection_parameters(name), max_cursor,
                                       timeout + QUERY_GRACE)

    def load(self):
        """Load the registry, and with it the routes of the installed modules."""
        host.adapter().load(self.name)

    def modules(self):
        """The modules with routes that are installed here, a frozenset of names."""
        return frozenset(module for module in routes.table.modules
                         if host.adapter().installed(self.name, module))

    def verify(self, session):
        """Whether a session is good, asked of the database itself.

        :raises BudgetExhausted, DatabaseUnavailable: as ``Connections.connection``
        """
        adapter = host.adapter()
        with self.connections.connection() as connection:
            cr = adapter.cursor(self.name, connection)
            try:
                return adapter.verify(cr, session)
            finally:
                adapter.close(cr)
