# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The only room that knows a host: one adapter each, all with the same functions in this order.

====================================  =====================================================================
function                              what it gives
====================================  =====================================================================
option(name)                          the value of the configuration file for `name`, or None
option_names()                        list of the names of all that the configuration holds
configuration_file()                  path of the configuration file, whether or not there is one
configured_databases()                list of the names in the configuration's db_name
serves(db, asked)                     whether the host serves `db`, by its dbfilter, to a browser that has asked for the
                                      host `asked` (the header Host)
connection_parameters(db)             dict of keyword arguments for ``psycopg2.connect``
most_connections()                    how many connections to PostgreSQL the host itself may open, and the words of the
                                      configuration that say so
load_server_wide()                    loads the host's server-wide modules, as the host does at its start; may replace
                                      its session store
check_sessions()                      raises ConfigurationError if the session store can't be asked; may log a warning
session_place()                       where the session store keeps its files, a path; its class, if it has none
stored_databases(most)                how many logins of each database the store has among its `most` newest files, a
                                      dict by name; None if it can't be told
SESSION_COOKIE                        the name of the cookie that says which session is the browser's
SESSION_SETTINGS                      what decides where the session store is, beside the user: the name of a setting
session_page(db)                      a path of the host that gives everybody such a cookie, of a session that it stores
is_stored(cookie)                     whether the store has the session that the cookie's value names, a login or not
store_problem()                       why the session store can't be asked just now, a few words; None if it can
load(db)                              loads the registry of `db` (modules, models and routes), anew if there is
                                      one; until it is complete, and if that fails, polls have the old one. It runs in
                                      a thread of its own, one call at a time; returns the old one or None
forget(db)                            gives its registry up; returns it, or None if it was not loaded
installed(db, module)                 whether `module` is installed in the loaded registry of `db`
SESSION_PARAMETER                     the name of the host's own parameter that says who asks, or None
session_key(cookies, arguments, sent) what names the Session that a poll claims, hashable, or None; takes
                                      the host's own parameter, if it has one, out of `sent`
session(key)                          that Session as the host's session store has it just now, or None; what can't be
                                      parsed is none
visited(cookies)                      the name of the database in which the host takes a browser without a login to be,
                                      by its cookies, whether or not it serves that; None if they don't say
later_session(key)                    the same for a poll that was verified before: also under another name that the
                                      host has given it since
cursor(db, connection)                a cursor of the host's class on a psycopg2 connection of ours
close(cr)                             rolls back and closes it, whatever state it is in
check_signaling(cr)                   clears the caches if another process has signalled that rights have
                                      changed; False if modules have, and the registry must be loaded anew
prove(cr, sessions)                   list of whether each Session is good, from one statement for all of them: True,
                                      False, None if only :func:`verify` can decide, or the exception of its check
verify(cr, session)                   the same of one Session, by the host's whole check, past its caches; `cr` may
                                      write and rolls back
environment(cr, uid, context)         the host's Environment, or None where it has none
call(cr, uid, model, method, args,    the result of one call by the host's RPC convention
kwargs)
flush(cr)                             sends writes that the host delays to the database, where they fail
send_after_commit(cr, soon=False)     calls ``wake_up.WakeUps`` once after the commit of the host's cursor `cr`, not
                                      after a rollback; `soon`: whether a moment later will do
json_default(value)                   what ``json.dumps`` makes of the host's own types
====================================  =====================================================================

``boot.py`` holds what must happen before the addons can be imported at all.
"""
import importlib

import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_INERROR, TRANSACTION_STATUS_INTRANS

from . import boot

READ_ONLY_SQL_TRANSACTION = '25006'     # PostgreSQL, appendix A

_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "

_adapter = None


class Session(object):
    """A login as the host's session store has it. It proves nothing before ``verify``.

    db: name of the database
    uid: id of the user
    context: the user's context, a dict
    secret: what the adapter's checks need; never logged
    key: what distinguishes this session from all others, hashable
    stored: dict of what the host may want to know of it besides
    proof: whatever the adapter has last found it good by

    Sessions are remembered and shared by polls: nobody changes one.
    """

    __slots__ = ('db', 'uid', 'context', 'secret', 'key', 'stored', 'proof')

    def __init__(self, db, uid, context, secret, key, stored=None):
        self.db = db
        self.uid = uid
        self.context = context
        self.secret = secret
        self.key = key
        self.stored = stored
        self.proof = None

    def __repr__(self):
        return '<Session of user %s in %s>' % (self.uid, self.db)


_contexts = {}


def shared(context):
    """A dict that equals `context`, the same for all: those of thousands of sessions are mostly equal."""
    if len(_contexts) > 1000:
        _contexts.clear()
    return _contexts.setdefault(repr(context), context)


class OneConnectionPool(object):
    """What the hosts' Cursor takes for its connection pool: it lends one connection, which is ours."""

    readonly = True

    def __init__(self, connection):
        self._connection = connection

    def borrow(self, *args, **kwargs):
        return self._connection

    def give_back(self, *args, **kwargs):
        pass


def roll_back(connection):
    """End the transaction of a psycopg2 connection, whoever has begun it; no round trip if there is none."""
    connection.rollback()
    if connection.get_transaction_status() in (TRANSACTION_STATUS_INTRANS, TRANSACTION_STATUS_INERROR):
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")


class WriteWatch(object):
    """Mixed into the hosts' Cursor: it does not commit, and `refused` is whether PostgreSQL has refused a write.

    OpenERP's ORM hides that behind an error of its own ("this object is for reporting purpose").

    The hosts log each query that fails, with a traceback or an ERROR. Here whoever answers the poll
    logs it: when PostgreSQL goes away, all polls' queries fail.
    """

    refused = False
    _begin = None

    def begin_with_first(self):
        """Begin the transaction in one message with its first statement, which saves a round trip.

        psycopg2 begins transactions in a message of their own, but none in autocommit mode. Whoever gives the
        connection back ends it with :func:`roll_back`.
        """
        # In this order psycopg2 asks PostgreSQL for nothing.
        self._cnx.set_session(isolation_level='default', readonly='default')
        self._cnx.autocommit = True
        self._begin = _BEGIN

    @property
    def readonly(self):
        """As Odoo's Cursor has it: its own code asks before it writes beside what it reads."""
        return bool(self._cnx.readonly or self._cnx.autocommit)

    def rollback(self):
        result = super(WriteWatch, self).rollback()
        if self._cnx.autocommit:
            roll_back(self._cnx)
            self._begin = _BEGIN
        return result

    def commit(self):
        """A controller may not even try. A password check of the host's own, which may write, is rolled back."""
        from ..errors import ReadOnlyError      # the scripts import this package outside of the addon
        if self._cnx.readonly is not False:
            raise ReadOnlyError()

    def execute(self, query, params=None, log_exceptions=False):
        begin, self._begin = self._begin, None
        try:
            if begin and isinstance(query, (bytes, type(u''))):
                query = begin.encode('ascii') + query if isinstance(query, bytes) else begin + query
            elif begin:     # one that psycopg2 composes
                super(WriteWatch, self).execute(begin, None, log_exceptions)
            return super(WriteWatch, self).execute(query, params, log_exceptions)
        except psycopg2.Error as error:
            self.refused = self.refused or error.pgcode == READ_ONLY_SQL_TRANSACTION
            raise


def name():
    """The name of this host's adapter, a module in this folder, such as 'odoo19'.

    :raises boot.BootError: if no adapter knows this host's version
    """
    return boot.adapter_name(boot.package())


def adapter():
    """The adapter of the host that has imported this addon.

    :raises boot.BootError: if no adapter knows this host's version
    """
    global _adapter
    if _adapter is None:
        _adapter = importlib.import_module('.' + name(), __name__)
    return _adapter
