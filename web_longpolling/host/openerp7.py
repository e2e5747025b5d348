# -*- coding: utf-8 -*-
"""OpenERP 7.0."""
import contextlib
import datetime
import errno
import pickle

import openerp
from openerp.modules.registry import RegistryManager
from openerp.tools import config

from ..wake_up import WakeUps
from ..errors import Unavailable
from . import OneConnectionPool, Session, WriteWatch

_store = None


class PollCursor(WriteWatch, openerp.sql_db.Cursor):
    pass


def option(name):
    return config.get(name)


def configured_databases():
    return [name.strip() for name in (config['db_name'] or '').split(',') if name.strip()]


def connection_parameters(db):
    parameters = {'dbname': db}
    for name in ('host', 'port', 'user', 'password'):
        if config['db_' + name]:
            parameters[name] = config['db_' + name]
    return parameters


def load(db):
    old = RegistryManager.registries.get(db)
    try:
        RegistryManager.new(db)
    except BaseException:
        if old is not None:
            RegistryManager.registries[db] = old
        raise
    finally:
        _close_pool(db)     # polls have connections of their own


def _close_pool(db):
    # Not sql_db.close_db: it writes the connection string to the log, with the password.
    pool = openerp.sql_db._Pool
    with pool._lock:
        for entry in pool._connections[:]:
            connection, used = entry
            if not used and openerp.sql_db.dsn_are_equals(connection.dsn, openerp.sql_db.dsn(db)):
                pool._connections.remove(entry)
                connection.close()


def installed(db, module):
    # _init_modules: what the loader has found installed and loaded (modules/loading.py)
    return module in RegistryManager.get(db)._init_modules


def session_key(cookies, arguments, sent):
    # Two levels, and both are needed: the cookie names the file, the parameter the login in it.
    session_id = sent.pop('session_id', None) or arguments.get('session_id')
    sid = cookies.get('sid')
    return (sid, session_id) if sid and isinstance(session_id, (str, type(u''))) else None


def session(key):
    sid, session_id = key
    login = _read_sessions(sid).get(session_id)
    if not getattr(login, '_uid', None):
        return None
    return Session(login._db, login._uid, login.context or {}, login._password, key)


def _read_sessions(sid):
    global _store
    if _store is None:
        from openerp.addons.web import http
        _store = http.werkzeug.contrib.sessions.FilesystemSessionStore(http.session_path())
    if not _store.is_valid_key(sid):
        return {}
    # Not _store.get(): it takes every error, a shortage of file descriptors too, for an empty session.
    try:
        with open(_store.get_session_filename(sid), 'rb') as session_file:
            return pickle.load(session_file)
    except (IOError, OSError) as error:
        if error.errno == errno.ENOENT:
            return {}
        raise Unavailable("The session can't be read just now; try again.")


def cursor(db, connection):
    return PollCursor(OneConnectionPool(connection), db)


def close(cr):
    try:
        cr.close()
    except Exception:
        # A broken connection can't be rolled back. The cursor counts as closed all the same.
        pass


def check_signaling(cr):
    # OpenERP signals through two sequences, if openerp.multi_process says so; see the end of this file.
    cr.execute("SELECT r.last_value, c.last_value FROM base_registry_signaling r, base_cache_signaling c")
    registry_sequence, cache_sequence = cr.fetchone()
    registry = RegistryManager.get(cr.dbname)
    if registry.base_registry_signaling_sequence != registry_sequence:
        return False
    if registry.base_cache_signaling_sequence != cache_sequence:
        # What RegistryManager.check_registry_signaling does, on a connection of the host's own pool.
        registry.clear_caches()
        registry.reset_any_cache_cleared()
        for model in registry.models.values():
            for column in model._columns.values():
                if hasattr(column, 'digits_change'):
                    column.digits_change(cr)
        registry.base_cache_signaling_sequence = cache_sequence
    return True


def verify(cr, session):
    # Not security.check: it answers from res.users' cache of this process, which never hears of a
    # password that was changed in another. check_credentials is the method that addons override.
    if not session.secret:
        return False
    try:
        RegistryManager.get(cr.dbname).get('res.users').check_credentials(cr, session.uid, session.secret)
    except openerp.exceptions.AccessDenied:
        return False
    return True


def environment(cr, uid, context):
    return None


def call(cr, uid, model, method, args, kwargs):
    instance = RegistryManager.get(cr.dbname).get(model)
    if instance is None:
        raise LookupError("The database %s has no model %s." % (cr.dbname, model))
    return getattr(instance, method)(cr, uid, *args, **kwargs)


def flush(cr):
    pass        # 7.0 writes at once


@contextlib.contextmanager
def _pooled(db):
    with contextlib.closing(openerp.sql_db.db_connect(db).cursor()) as cr:
        yield cr._cnx


_wake_ups = WakeUps(_pooled)


def send_after_commit(cr):
    # Cursors of other libraries, such as tests and scripts have, know nothing of this; a look finds their events.
    if isinstance(cr, openerp.sql_db.Cursor):
        if cr._cnx.autocommit:
            _wake_ups.committed(cr.dbname, cr._cnx)
        else:
            cr._longpolling_published = True


def _wake_up_after_commit():
    """Have OpenERP's cursors send the wake-up: 7.0 has no callbacks after a commit."""
    cursor = openerp.sql_db.Cursor
    commit, rollback = cursor.commit, cursor.rollback
    cursor._longpolling_published = False

    def commit_and_wake_up(self):
        result = commit(self)
        if self._longpolling_published:
            self._longpolling_published = False
            _wake_ups.committed(self.dbname, self._cnx)
        return result

    def rollback_and_forget(self):
        self._longpolling_published = False
        return rollback(self)

    cursor.commit, cursor.rollback = commit_and_wake_up, rollback_and_forget


if not hasattr(openerp.sql_db.Cursor, '_longpolling_published'):
    _wake_up_after_commit()


def json_default(value):
    if isinstance(value, datetime.datetime):
        return value.strftime(openerp.tools.DEFAULT_SERVER_DATETIME_FORMAT)
    if isinstance(value, datetime.date):
        return value.strftime(openerp.tools.DEFAULT_SERVER_DATE_FORMAT)
    raise TypeError("%s has no form in JSON." % type(value).__name__)


# Server and sidecar are two processes that share a database: what OpenERP calls multi_process, and sets
# only for --workers. With it a threaded server too signals a change of rights or modules.
openerp.multi_process = True
