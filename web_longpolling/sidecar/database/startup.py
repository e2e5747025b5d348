# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The databases at the start: a mistake ends it, a database that is out of reach just now does not.

With none to serve, the start is over too.
"""
import re
import threading

import psycopg2

from ... import host, settings
from ...errors import ConfigurationError, DatabaseUnavailable
from . import waiting
from .connections import connect, one_line
from .databases import Databases, OnDemand
from .limit import LOADING, ConnectionLimit

# Connections to PostgreSQL for all databases together, where none is named and --max-connections neither.
MOST_CONNECTIONS = 64


def databases(options, timeout):
    """The Databases that are to be served. The settings must be good: see ``settings.check``.

    :param options: the arguments of ``server.py``
    :raises ConfigurationError: if one that is named does not exist or lacks the module, or none of them can be reached
    """
    from ... import changes     # noqa: F401  not earlier: its route begins with the configured path
    names = options.databases or host.adapter().configured_databases()
    for name in names:
        check_name(name)
    limit = _limit(options.max_connections or (None if names else MOST_CONNECTIONS), options.max_cursor, len(names))
    if not names:
        try:
            host.adapter().serves('', '')
        except re.error as error:
            raise ConfigurationError("The dbfilter of the configuration is no regular expression: %s." % error)
        return OnDemand(options.max_cursor, timeout, limit, options.max_databases, settings.read('longpolling_idle'))
    named = Databases(options.max_cursor, timeout, limit)
    for name in names:
        named.add(name)
    _check(named.list())
    return named


def most_connections(options, names):
    """How many connections to PostgreSQL there may be for all databases together.

    :param names: of those that are to be served; empty if they are loaded as they are polled
    """
    return options.max_connections or (len(names) * (options.max_cursor + 1) if names else MOST_CONNECTIONS)


def _limit(most, max_cursor, named):
    """The ConnectionLimit: each that is named has a listener at all times, and one can be loaded beside all reads."""
    if most is None:
        return ConnectionLimit()
    fewest = max(named, 1) + max_cursor + LOADING
    if most < fewest:
        raise ConfigurationError("--max-connections %d is too few: %d is enough, with --max-cursor %d." % (
            most, fewest, max_cursor))
    return ConnectionLimit(most - LOADING)


def check_name(name):
    """
    :raises ConfigurationError: if it can't be the name of a database
    """
    if '://' in name:       # which may hold a password, so it is not shown
        raise ConfigurationError("-d and db_name take the names of databases, not an address of one; host, port and "
                                 "user are db_host, db_port and db_user of the configuration file.")
    if isinstance(name, bytes):
        try:
            name.decode('ascii')
        except UnicodeDecodeError:
            raise ConfigurationError("OpenERP can't serve the database %r: its name has other letters than those of "
                                     "ASCII." % name)


def _check(named):
    """Look into each once, so that a mistake is reported before anything is loaded."""
    in_reach, out_of_reach = [], []
    for database in named:
        try:
            database.registry.look()
            in_reach.append(database)
        except DatabaseUnavailable as error:
            out_of_reach.append((database, error))
    for database, error in out_of_reach:
        if not in_reach or not _exists(database, in_reach):
            raise _closed(database, error)


def _closed(database, error):
    return ConfigurationError("The database %s can't be opened: %s" % (database.name, error.reason))


def _exists(database, in_reach):
    """Whether a server that can be asked just now knows the database; True if there is none to ask."""
    server = [database.parameters.get(name) for name in ('host', 'port')]
    for other in in_reach:
        if [other.parameters.get(name) for name in ('host', 'port')] == server:
            try:
                return _knows(other, database.parameters['dbname'])
            except (DatabaseUnavailable, psycopg2.Error):
                continue
    return True


def _knows(database, name):
    connection = connect(database.parameters, 'longpolling')
    try:
        with waiting.bounded(waiting.ANSWER), connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            return bool(cursor.fetchone())
    finally:
        connection.close()


def load(named):
    """Load the registry of each; one that is out of reach follows as soon as it can be loaded.

    :param named: list of Databases
    :raises ConfigurationError: if one can't be loaded, or none can be reached
    """
    out_of_reach = []
    if not named:
        return
    for database in named:
        try:
            threading.current_thread().dbname = database.name    # the hosts' log format names the database
            database.registry.load()
        except DatabaseUnavailable as error:
            out_of_reach.append((database, error))
        except psycopg2.Error as error:
            raise ConfigurationError("The registry of the database %s can't be loaded: %s" % (
                database.name, one_line(error)))
    if len(out_of_reach) == len(named):
        raise _closed(*out_of_reach[0])
    for database, _ in out_of_reach:
        database.registry.begin()
