# -*- coding: utf-8 -*-
"""The life of the sidecar's process: check, bind, load, serve, stop."""
import logging
import signal
import sys
import threading

import gevent
import gevent.socket
import psycopg2

from .. import host, routes, settings
from ..errors import ConfigurationError, DatabaseUnavailable
from .application import Application
from .database import Database
from .http_server import PollServer

# The specification's logger name, on every host.
_logger = logging.getLogger('openerp.addons.web_longpolling.longpolling')

# Connections that the kernel keeps until they are accepted: a dispatcher that restarts sends
# thousands at once. The kernel takes the smaller of this and net.core.somaxconn.
BACKLOG = 16384


def serve(options):
    """Serve until SIGTERM or SIGINT; a mistake ends the process with one sentence and status 1.

    :param options: the arguments of ``server.py``
    """
    try:
        settings.check()
        timeout = settings.read('longpolling_timeout')
        databases = _databases(options, timeout)
        listener = _bind(options.interface, options.port)
        routes.table.serve()
        for database in databases.values():
            _load(database)
    except ConfigurationError as error:
        sys.exit("server.py: %s" % error)
    server = PollServer(listener, Application(databases, timeout))
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, _stop, server)
    for database in databases.values():
        database.listener.start()
    listener.listen(BACKLOG)
    server.start()
    _logger.info("Start long polling server '%s':%s", *listener.getsockname()[:2])
    server.serve_forever()
    _logger.info("Long polling server stopped")


def _databases(options, timeout):
    names = options.databases or host.adapter().configured_databases()
    if not names:
        raise ConfigurationError("No database is named: give -d, or db_name in the configuration file.")
    databases = {}
    for name in names:
        databases[name] = Database(name, options.max_cursor, timeout)
        _check(databases[name])
    return databases


def _check(database):
    """Look into the database once, so that a mistake is told before anything is loaded.

    OpenERP would make an empty database its own, with all its tables, just by loading it.
    """
    try:
        with database.connections.connection() as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT 1 FROM ir_module_module WHERE name = 'web_longpolling' "
                           "AND state IN ('installed', 'to upgrade')")
            installed = cursor.fetchone()
    except psycopg2.ProgrammingError:       # there is no such table: nobody's database
        installed = None
    except DatabaseUnavailable as error:
        raise ConfigurationError("The database %s can't be opened: %s" % (database.name, error.reason))
    if not installed:
        raise _not_installed(database)


def _not_installed(database):
    return ConfigurationError("The module web_longpolling is not installed in the database %s: install it with "
                              "'oe -d %s -i web_longpolling'." % (database.name, database.name))


def _load(database):
    threading.current_thread().dbname = database.name    # the hosts' log format names the database
    try:
        database.load()
    except psycopg2.Error as error:
        raise ConfigurationError("The registry of the database %s can't be loaded: %s" % (
            database.name, ' '.join(str(error).split())))
    if not host.adapter().installed(database.name, 'web_longpolling'):
        raise _not_installed(database)


def _bind(interface, port):
    """A bound socket that does not listen yet: browsers come when everything is loaded."""
    try:
        family, kind, protocol, _, address = gevent.socket.getaddrinfo(
            interface, port, 0, gevent.socket.SOCK_STREAM)[0]
        listener = gevent.socket.socket(family, kind, protocol)
        listener.setsockopt(gevent.socket.SOL_SOCKET, gevent.socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except EnvironmentError as error:
        raise ConfigurationError("Can't listen on %s port %s: %s; give another one with -i and -p." % (
            interface, port, error.strerror))
    return listener


def _stop(server):
    _logger.info("Stopping")
    server.stop(timeout=0)
