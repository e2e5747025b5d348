# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What PostgreSQL says: the databases, the module in them, notifications, and how many connections there are."""
import contextlib
import re

import gevent
import psycopg2

from ... import host
from ...errors import ConfigurationError, DatabaseUnavailable
from ..database import startup, waiting
from ..database.connections import connect, one_line
from ..database.database import past_pooler
from ..database.cluster import MAINTENANCE, own
from ..database.registry import NotInstalled, examine
from ..loop.clock import monotonic
from .report import Finding, patience

# Seconds in which a notification arrives that arrives at all.
NOTIFIED = 3
# Databases that are asked for PostgreSQL's limits, if those before are out of reach.
ASKED = 3

_VERSION = "SELECT latest_version FROM ir_module_module WHERE name = 'web_longpolling'"
# Slots of superusers are none of ours; PostgreSQL 16 has further ones that are reserved.
_LIMIT = """
    SELECT (SELECT setting::int FROM pg_settings WHERE name = 'max_connections'),
           (SELECT sum(setting::int)::int FROM pg_settings
            WHERE name IN ('superuser_reserved_connections', 'reserved_connections'))"""


def named(options):
    """The names of the databases that are to be served."""
    return options.databases or host.adapter().configured_databases()


def discover(asked):
    """What is served where none is named.

    :param asked: the host that browsers ask, for the host's dbfilter; '' if that is not known
    :returns: the names of the databases that have the module, a list; and a Finding
    """
    try:
        with patience("asking which databases there are"):
            there = [name for name in own() if _is_served(name, asked)]
            names = [name for name in there if _has_module(name)]
    except re.error as error:
        return [], Finding('databases', False, "dbfilter of the configuration is no regular expression: %s." % error)
    except DatabaseUnavailable as error:
        return [], Finding('databases', False, "PostgreSQL can't be asked which there are: %s" % error.reason)
    if not names:
        return [], Finding('databases', False, "none of the %d that your server serves has the module web_longpolling: "
                                               "install it with 'oe -d DATABASE -i web_longpolling'." % len(there))
    return names, Finding('databases', True, "none is named, so each of the %d that have the module is loaded when it "
                                             "is polled; your server serves %d" % (len(names), len(there)))


def _is_served(name, asked):
    if not asked and '%' in (host.adapter().option('dbfilter') or ''):
        return True     # that depends on the address
    return host.adapter().serves(name, asked)


def _has_module(name):
    try:
        with _connected(host.adapter().connection_parameters(name)) as connection, connection.cursor() as cursor:
            examine(cursor, name)
    except NotInstalled:
        return False
    except DatabaseUnavailable:
        pass            # it is looked at again, and reported then
    return True


def look(names):
    """A Finding for each database."""
    for name in names:
        about = 'database %s' % name
        try:
            startup.check_name(name)
            with patience("connecting to %s" % about):
                yield Finding(about, True, _of(name))
            continue
        except ConfigurationError as error:
            problem = str(error)
        except DatabaseUnavailable as error:
            problem = "it can't be opened: %s" % error.reason
        yield Finding(about if problem[:2] == 'it' else 'database', False, problem)


def _of(name):
    parameters = host.adapter().connection_parameters(name)
    with _connected(parameters) as connection:
        with connection.cursor() as cursor:
            examine(cursor, name)
            cursor.execute(_VERSION)
            version = cursor.fetchone()[0]
        _notify(parameters, connection, name)
        number = connection.server_version
    return 'web_longpolling %s is installed, PostgreSQL %s, notifications arrive' % (
        version, '%d.%d' % (number // 10000, number % 10000) if number >= 100000 else
        '%d.%d' % (number // 10000, number // 100 % 100))


@contextlib.contextmanager
def _connected(parameters):
    connection = connect(parameters, 'longpolling check')
    try:
        with waiting.bounded(waiting.ANSWER):
            connection.autocommit = True
            yield connection
    except psycopg2.Error as error:
        raise DatabaseUnavailable(one_line(error))
    finally:
        connection.close()


def _notify(parameters, sender, name):
    """Whether what is notified on one connection arrives on another, where the sidecar is to listen."""
    with _connected(past_pooler(parameters)) as listener:
        with listener.cursor() as cursor, sender.cursor() as notifying:
            cursor.execute("LISTEN longpolling_check")
            ends = monotonic() + NOTIFIED
            while monotonic() < ends:
                notifying.execute("NOTIFY longpolling_check")
                gevent.sleep(0.05)
                cursor.execute("SELECT 1")
                listener.poll()
                if listener.notifies:
                    return
    raise ConfigurationError("In the database %s no notification arrives: if db_host is a pgbouncer, set "
                             "longpolling_listen_host and longpolling_listen_port to PostgreSQL itself." % name)


def connections(names, options):
    """A Finding of the connections that all need together; the databases of one PostgreSQL are counted as one's."""
    own = startup.most_connections(options, names)
    if options.max_connections or not names:
        words_of_own = "--max-connections"
    else:
        words_of_own = "--max-cursor = %d and one to listen, for each of %d databases" % (
            options.max_cursor, len(names))
    hosts, words = host.adapter().most_connections()
    for name in names[:ASKED] or [MAINTENANCE]:
        try:
            with _connected(host.adapter().connection_parameters(name)) as connection, connection.cursor() as cursor:
                cursor.execute(_LIMIT)
                most, reserved = cursor.fetchone()
        except DatabaseUnavailable as error:
            if not names:
                yield Finding('connections', False, "PostgreSQL can't be asked: %s" % error.reason)
            continue
        told = ("max_connections = %d, of which %d are reserved; the sidecar needs %d (%s), your server %d at most (%s)"
                % (most, reserved, own, words_of_own, hosts, words))
        if own + hosts <= most - reserved:
            yield Finding('connections', True, told)
        else:
            yield Finding('connections', False, "PostgreSQL has too few: %s. Raise max_connections to %d, or lower one "
                                                "of these." % (told, own + hosts + reserved))
        return
