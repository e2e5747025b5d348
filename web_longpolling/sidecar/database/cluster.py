# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What PostgreSQL says of databases before one of them is loaded: which there are, and whether a ticket is good.

Strangers may cause these questions. So there is one connection for them at a time, and what was answered a moment ago
is not asked again.
"""
import contextlib

import psycopg2
from gevent.lock import BoundedSemaphore

from ... import host
from ...errors import DatabaseUnavailable
from ...tickets import place_of
from ..loop.clock import monotonic
from . import waiting
from .connections import connect, one_line

# The database to which the hosts themselves connect to see which others there are.
MAINTENANCE = 'postgres'
# Seconds for which the list of the databases is good; if somebody names one that is not in it: for which it is.
LISTED = 5
NAMED = 1
# Hosts for which it is remembered which database is theirs.
MOST_HOSTS = 1000

# As the hosts list them (odoo/service/db.py, openerp/service/web_services.py).
_OWN = """
    SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate AND datname NOT IN ('postgres', %s)
    AND datdba = (SELECT usesysid FROM pg_user WHERE usename = current_user) ORDER BY datname"""
_EXIST = "SELECT datname FROM pg_database WHERE datname = ANY(%s)"
_TICKET = "SELECT 1 FROM longpolling_ticket WHERE digest = %s AND expires > (now() AT TIME ZONE 'UTC')"


def own():
    """The names of the databases that the host lists, before its dbfilter; a list.

    :raises DatabaseUnavailable: if PostgreSQL can't be asked
    """
    return [str(row[0]) for row in _ask(MAINTENANCE, _OWN, (host.adapter().option('db_template') or 'template0',))]


def exist(names):
    """Which of these databases there are, a frozenset; None if that can't be found out."""
    try:
        return frozenset(str(row[0]) for row in _ask(MAINTENANCE, _EXIST, (list(names),)))
    except DatabaseUnavailable:
        return None


def _ask(name, statement, values):
    connection = connect(host.adapter().connection_parameters(name), 'longpolling')
    try:
        with waiting.bounded(waiting.ANSWER), contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()
    except psycopg2.ProgrammingError:       # there is no such table: the database has not the module
        return []
    except psycopg2.Error as error:
        raise DatabaseUnavailable(one_line(error))
    finally:
        connection.close()


class Cluster(object):
    """The databases of the host, as strangers' polls need to know them."""

    def __init__(self):
        self._asking = BoundedSemaphore(1)
        self._names = []
        self._by_place = {}     # of tickets
        self._only = {}         # by the host that a browser asks: the name of the one database, or None
        self._listed = float('-inf')
        self._known = False

    def of_visitor(self, visited, asked):
        """The name of the database that the host would give to somebody without a login; None if it would give none.

        :param visited: the one that the browser is in, as its cookies say
        :param asked: the host that the browser has asked, the header Host
        """
        self._list(LISTED)
        if visited is not None and host.adapter().serves(visited, asked):
            for name in self._names:
                if name == visited:
                    return name
        if asked not in self._only:
            if len(self._only) >= MOST_HOSTS:
                self._only.clear()
            served = [name for name in self._names if host.adapter().serves(name, asked)]
            self._only[asked] = served[0] if len(served) == 1 else None
        return self._only[asked]

    def of_ticket(self, place, asked):
        """The name of the database whose tickets begin with `place`; None if there is none that the host serves.

        :raises DatabaseUnavailable: if that can't be found out
        """
        self._list(LISTED if place in self._by_place else NAMED)
        if not self._known:
            raise DatabaseUnavailable("perhaps the ticket is one of a database that is out of reach")
        name = self._by_place.get(place)
        return name if name is not None and host.adapter().serves(name, asked) else None

    def has_ticket(self, name, digest):
        """Whether the database has a good ticket of this digest; that is found out without loading anything.

        :raises DatabaseUnavailable: if it can't be found out
        """
        with self._asking:
            return bool(_ask(name, _TICKET, (digest,)))

    def _list(self, seconds):
        """Have a list that is not older than this; the last one, while PostgreSQL can't be asked."""
        with self._asking:
            if monotonic() - self._listed <= seconds:
                return
            try:
                names = own()
            except DatabaseUnavailable:
                names = self._names
            else:
                self._known = True
            self._listed = monotonic()
            if names != self._names:
                self._names = names
                self._by_place = {place_of(name): name for name in names}
                self._only.clear()
