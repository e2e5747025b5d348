# -*- coding: utf-8 -*-
"""The only room that knows a host: one adapter each, all with the same functions in this order.

====================================  =====================================================================
function                              what it gives
====================================  =====================================================================
option(name)                          the value of the configuration file for `name`, or None
configured_databases()                list of the names in the configuration's db_name
connection_parameters(db)             dict of keyword arguments for ``psycopg2.connect``
load(db)                              loads the registry of `db` (modules, models and routes), anew if there is
                                      one; if that fails, the old one stays for the polls that are under way
installed(db, module)                 whether `module` is installed in the loaded registry of `db`
session_key(cookies, arguments, sent) what names the Session that a poll claims, hashable, or None; takes
                                      the host's own parameter, if it has one, out of `sent`
session(key)                          that Session as the host's session store has it just now, or None
cursor(db, connection)                a cursor of the host's class on a psycopg2 connection of ours
close(cr)                             rolls back and closes it, whatever state it is in
check_signaling(cr)                   clears the caches if another process has signalled that rights have
                                      changed; False if modules have, and the registry must be loaded anew
verify(cr, session)                   whether the Session is good, by the host's own check, past its caches
environment(cr, uid, context)         the host's Environment, or None where it has none
call(cr, uid, model, method, args,    the result of one call by the host's RPC convention
kwargs)
flush(cr)                             sends writes that the host delays to the database, where they fail
send_after_commit(cr)                 tells ``wake_up.WakeUps`` once after the commit of the host's cursor `cr`, not
                                      after a rollback
json_default(value)                   what ``json.dumps`` makes of the host's own types
====================================  =====================================================================

``boot.py`` holds what must happen before the addons can be imported at all.
"""
import importlib

import psycopg2

from . import boot

READ_ONLY_SQL_TRANSACTION = '25006'     # PostgreSQL, appendix A

_adapter = None


class Session(object):
    """A login as the host's session store has it. It proves nothing before ``verify``.

    db: name of the database
    uid: id of the user
    context: the user's context, a dict
    secret: what the adapter's ``verify`` needs; never logged
    key: what tells this session from all others, hashable
    """

    __slots__ = ('db', 'uid', 'context', 'secret', 'key')

    def __init__(self, db, uid, context, secret, key):
        self.db = db
        self.uid = uid
        self.context = context
        self.secret = secret
        self.key = key

    def __repr__(self):
        return '<Session of user %s in %s>' % (self.uid, self.db)


class OneConnectionPool(object):
    """What the hosts' Cursor takes for its connection pool: it lends one connection, which is ours."""

    readonly = True

    def __init__(self, connection):
        self._connection = connection

    def borrow(self, *args, **kwargs):
        return self._connection

    def give_back(self, *args, **kwargs):
        pass


class WriteWatch(object):
    """Mixed into the hosts' Cursor: `refused` tells whether PostgreSQL has refused a write.

    OpenERP's ORM hides that behind an error of its own ("this object is for reporting purpose").

    The hosts log each query that fails, with a traceback or an ERROR. Here that is told by whoever answers the
    poll: when PostgreSQL goes away, all polls' queries fail.
    """

    refused = False

    def execute(self, query, params=None, log_exceptions=False):
        try:
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
