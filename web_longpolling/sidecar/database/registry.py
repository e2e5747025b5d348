# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The registry of one database: loaded as soon as the database can be reached, and again when it must be.

::

    startup.load              at the start, one database after the other
    RegistryLoader.begin              a greenlet that tries until it has worked
      <- startup.load           a database that is out of reach at the start
      <- OnDemand._admit        the first poll of one that was not named at the start
      <- RegistryLoader.check_oid       another database has the name by now: it was dropped and restored
      <- RegistryLoader.reload_newer_than           another process has installed, upgraded or removed a module

It happens in a greenlet of its own and never in a poll's: a poll may end at any moment, by its timeout or
because its client hangs up. What the host computes meanwhile it computes in a thread (``loop/aside.py``), so that the
polls of other databases go on; until the new registry is complete, polls have the old one.
"""
import logging
import threading

import gevent
import psycopg2
from gevent.event import Event

from ... import host, routes, schema
from ...errors import ConfigurationError, DatabaseUnavailable
from ..loop import memory
from ..loop.aside import aside
from ..loop.backoff import Backoff
from ..loop.clock import monotonic
from ..loop.supervisor import Supervised
from . import stale_code, waiting
from .connections import PATIENCE, connect, one_line, present
from .turn import Turn

_logger = logging.getLogger(__name__)

# Seconds between two attempts: the first and the longest.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 10.0

_OID = "SELECT oid::bigint FROM pg_database WHERE datname = current_database()"
_INSTALLED = "SELECT 1 FROM ir_module_module WHERE name = 'web_longpolling' AND state IN ('installed', 'to upgrade')"
# pg_restore and pg_dump's scripts make indexes when all rows are there, and foreign keys last.
_COMPLETE = ("SELECT " + "".join("EXISTS (SELECT 1 FROM pg_class WHERE relname = '%s') AND " % name
                                 for name in schema.INDEXES) +
             "EXISTS (SELECT 1 FROM pg_class WHERE relname = 'longpolling_origin') "
             "AND EXISTS (SELECT 1 FROM pg_class WHERE relname = 'longpolling_ticket'), "
             "EXISTS (SELECT 1 FROM pg_constraint WHERE contype = 'f' AND conrelid = 'res_users'::regclass)")


# One registry is loaded at a time, of whichever database: see aside.py, and host/registries.py.
turn = Turn()
# The names of the databases whose registries this process has.
_loaded = set()


class NotInstalled(ConfigurationError):
    """The database does not have the module web_longpolling."""


def examine(cursor, name):
    """Look whether the database of this cursor, `name`, can be served.

    :raises NotInstalled: if the module is not installed there
    :raises DatabaseUnavailable: if it is being restored
    """
    try:
        cursor.execute(_INSTALLED)
        if not cursor.fetchone():
            raise _not_installed(name)
        cursor.execute(_COMPLETE)
        feed, all_of_it = cursor.fetchone()
    except psycopg2.ProgrammingError:       # there is no such table: nobody's database
        raise _not_installed(name)
    if not all_of_it:
        raise DatabaseUnavailable("it is being restored")
    if not feed:
        raise DatabaseUnavailable("the tables of the feed are not complete: the database is being restored, or "
                                  "needs 'oe -d %s -u web_longpolling'" % name)


def _not_installed(name):
    return NotInstalled("The module web_longpolling is not installed in the database %s: install it with "
                        "'oe -d %s -i web_longpolling'." % (name, name))


class RegistryLoader(object):
    """Loads the registry of one database, and knows whether it fits.

    loaded: whether the registry is the database's own; False while it is out of reach or another one
    generation: how many times it was loaded
    modules: frozenset of the names of the modules with routes that are installed
    identity: of the feed, as from ``schema.adopt``
    problem: why it could not be loaded the last time, a sentence; None if it could
    octets: bytes that it seemed to take when it was loaded; None if that is not known
    urgent: whether a user waits for it, and not strangers alone
    on_failure(error): called when it could not be loaded; returns the error that those who wait get, and whether it is
        not tried again
    """

    def __init__(self, name, parameters, on_loaded):
        """
        :param name: the database's name
        :param parameters: keyword arguments of ``psycopg2.connect``
        :param on_loaded: called when a greenlet has loaded the registry
        """
        self.loaded = False
        self.generation = 0
        self.modules = frozenset()
        self.identity = None
        self.problem = None
        self.octets = None
        self.urgent = True
        self.on_failure = lambda error: (error, False)
        self._error = None      # why it was not loaded at the last try
        self._closed = False
        self._name = name
        self._parameters = parameters
        self._on_loaded = on_loaded
        self._oid = None        # the database that was loaded: another one of its name has another
        self._loading = Supervised("Loading the registry of database %s" % name, self._keep_trying)
        self._tried = Event()

    def look(self):
        """Look into the database before it is loaded: OpenERP would make an empty one its own.

        :returns: the database's oid
        :raises NotInstalled: if the module is not installed there
        :raises DatabaseUnavailable: if it can't be reached, or is being restored
        """
        connection = connect(self._parameters, 'longpolling')
        try:
            with waiting.bounded(waiting.ANSWER):
                return self._look(connection)
        except psycopg2.ProgrammingError:       # the same of the tables of the feed
            raise _not_installed(self._name)
        except psycopg2.Error as error:
            raise DatabaseUnavailable(one_line(error))
        finally:
            connection.close()

    def _look(self, connection):
        with connection.cursor() as cursor:
            cursor.execute(_OID)
            oid = cursor.fetchone()[0]
            examine(cursor, self._name)
            self.identity = schema.adopt(cursor)
            connection.commit()
            return oid

    def load(self):
        """Load the registry, and with it the routes of the installed modules.

        :raises NotInstalled, DatabaseUnavailable: as :meth:`look`
        """
        with turn(lambda: self.urgent):
            self._load_in_turn()

    def _load_in_turn(self):
        oid = self.look()
        try:
            # Around the thread, not in it: what the loop has left must not be freed there.
            with memory.without_collections(beside_others=bool(_loaded)), \
                    waiting.noticing(PATIENCE, lambda: present(self._parameters)):
                replaced = aside.run(self._load)
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            raise DatabaseUnavailable(one_line(error))
        # Before anything that waits: polls have the new registry from now on.
        memory.collector.gave_up(replaced, self.octets)
        del replaced
        self.generation += 1
        self.modules = frozenset(module for module in list(routes.table.modules)
                                 if host.adapter().installed(self._name, module))
        if not host.adapter().installed(self._name, 'web_longpolling'):
            raise _not_installed(self._name)
        if self.look() != oid:
            raise DatabaseUnavailable("it was made anew while it was loaded")
        if self._closed:
            raise DatabaseUnavailable("nobody needs it any more")
        self._oid = oid
        self.loaded = True
        _loaded.add(self._name)
        stale_code.check()

    def _load(self):
        threading.current_thread().dbname = self._name      # the hosts' log format names the database
        return host.adapter().load(self._name)

    def check_oid(self, connection):
        """Refuse a new connection that leads to another database than the one that was loaded.

        :param connection: a psycopg2 connection in autocommit mode
        :raises DatabaseUnavailable: if it does; the registry is loaded anew then
        """
        with connection.cursor() as cursor:
            cursor.execute(_OID)
            if cursor.fetchone()[0] == self._oid:
                return
        self.outdated()
        raise DatabaseUnavailable("it was made anew, and is loaded again")

    def check_identity(self, connection):
        """Refuse a new connection that leads to another feed than the one that was adopted: another server's, perhaps.

        :param connection: a psycopg2 connection in autocommit mode
        :raises DatabaseUnavailable: if it does; the registry is loaded anew then
        """
        self.check_oid(connection)
        with connection.cursor() as cursor:
            if schema.identity(cursor) != self.identity:
                self.outdated()
                raise DatabaseUnavailable("it is on another server or timeline by now, and is loaded again")

    def outdated(self):
        """What was loaded is not of this database any more: load it anew."""
        self.loaded = False
        self.begin()

    def reload_newer_than(self, generation):
        """Wait until a registry of a later generation than this one is loaded.

        :raises DatabaseUnavailable: if that can't be done just now
        """
        if self.generation == generation:
            self.begin()
            self._tried.wait()
        if not self.loaded:
            raise DatabaseUnavailable("it could not be loaded")

    def wait_loaded(self):
        """Wait until it is loaded.

        :raises DatabaseUnavailable, NotInstalled: if that can't be done just now
        """
        if not self.loaded:
            self.begin()
            self._tried.wait()
        if not self.loaded:
            raise self._error or DatabaseUnavailable("it could not be loaded")

    def stop(self, error):
        """This process ends: who waits for it gets this error."""
        self._error, self._closed = error, True
        self._tried.set()

    def close(self):
        """Nobody needs it any more."""
        self.loaded = False
        self._closed = True
        _loaded.discard(self._name)
        memory.collector.gave_up(host.adapter().forget(self._name), self.octets)

    def begin(self):
        """Load it in a greenlet, which tries until it has worked; if one does already, leave it to that."""
        if not self._loading.running and not self._closed:
            self._tried.clear()
            self._loading.start()

    def _keep_trying(self):
        threading.current_thread().dbname = self._name      # the hosts' log format names the database
        backoff, logged = Backoff(FIRST_PAUSE, LONGEST_PAUSE), set()
        while not self._try(logged):
            self._tried.set()
            if self._closed:
                return
            gevent.sleep(backoff.pause())
        self._tried.set()
        self._on_loaded()

    def _try(self, logged):
        """Whether it is loaded now. What it failed with is logged once; `logged` is the set of what was."""
        begun, before = monotonic(), memory.resident()
        try:
            self.load()
        except (Exception, SystemExit) as error:        # an addon's import may raise the latter
            self.loaded = False
            self.problem = (str(error) if isinstance(error, ConfigurationError) else
                            "It can't be loaded: %s." % one_line(getattr(error, 'reason', error)).rstrip('.'))
            if isinstance(error, (NotInstalled, DatabaseUnavailable)):
                self._error, over = self.on_failure(error)
                if over:
                    self._closed = True
                    return False
            else:
                self._error = None
            if type(error) not in logged:
                logged.add(type(error))
                self._log_failure(error)
            return False
        self.problem = None
        self.octets = max(memory.resident() - before, 0)
        _logger.info("The database %s is served: its registry was loaded in %.1f s, and takes %.0f MB", self._name,
                     monotonic() - begun, self.octets / 1e6)
        return True

    def _log_failure(self, error):
        if isinstance(error, ConfigurationError):
            _logger.warning("The database %s is not served until it can be loaded: %s", self._name, error)
        elif isinstance(error, DatabaseUnavailable):
            _logger.warning("The database %s is not served until it can be loaded: %s", self._name, error.reason)
        else:
            _logger.error("The database %s is not served until it can be loaded", self._name, exc_info=True)
