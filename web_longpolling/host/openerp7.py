# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""OpenERP 7.0."""
import contextlib
import datetime
import glob
import io
import logging
import os
import pickle
import re

import openerp
import openerp.service
from openerp.modules.registry import RegistryManager
from openerp.tools import config

from ..wake_up import WakeUps
from ..errors import ConfigurationError, Unavailable
from . import OneConnectionPool, Session, WriteWatch, shared
from .recent import Recent
from .registries import NoLock, Registries
from .session_files import SessionFiles, newest

_logger = logging.getLogger(__name__)

# Users whose password is known to be right, at least; twice as many at most.
PROVEN = 10000

_integers, _strings = (int, long), (basestring,)        # noqa: F821

_store = None
_registries = Registries()
_http = None
_proven = {}        # by database


class PollCursor(WriteWatch, openerp.sql_db.Cursor):
    pass


def option(name):
    return config.get(name)


def option_names():
    return list(config.options)


def configuration_file():
    return config.rcfile


def configured_databases():
    return [name.strip() for name in (config['db_name'] or '').split(',') if name.strip()]


def serves(db, asked):
    # As web/controllers/main.py, db_list. But what a browser has sent is no expression: it might take for ever.
    name = asked.split(':')[0]
    return bool(re.match(config['dbfilter'].replace('%h', re.escape(name)).replace('%d', re.escape(name.split('.')[0])),
                         db))


def connection_parameters(db):
    parameters = {'dbname': db}
    for name in ('host', 'port', 'user', 'password'):
        if config['db_' + name]:
            parameters[name] = config['db_' + name]
    return parameters


def most_connections():
    if not config['workers']:
        return config['db_maxconn'], 'db_maxconn = %d' % config['db_maxconn']
    # A worker answers one request at a time, which has a cursor and seldom a second one.
    return (2 * (config['workers'] + config['max_cron_threads']),
            'workers = %d, max_cron_threads = %d' % (config['workers'], config['max_cron_threads']))


def load_server_wide():
    # What loads a registry and what looks for one meet there: see registries.py.
    RegistryManager.registries, RegistryManager.registries_lock = _registries, NoLock()
    openerp.service.load_server_wide_modules()


def check_sessions():
    problem = store_problem()
    if problem:
        raise ConfigurationError("The sidecar can't read the sessions of your server: %s. It must run as the same user "
                                 "of the system and with the same TMPDIR." % problem)
    store = _session_store()
    if _is_files(store) and not os.listdir(store.path):
        _warn_of_others(store.path)


def _warn_of_others(path):
    """Say what an empty folder of sessions may mean: it is named after the user, below TMPDIR."""
    folder, own = os.path.split(path)
    others = sorted(name for name in os.listdir(folder) if name.startswith('oe-sessions-') and name != own)
    _logger.warning("There are no sessions in %s%s. The sidecar must run as the same user of the system and with the "
                    "same TMPDIR as your server.", path,
                    '; there may be some in ' + ', '.join(others) if others else ' as yet')


def session_place():
    store = _session_store()
    return store.path if _is_files(store) else type(store).__name__


def stored_databases(most):
    store = _session_store()
    if not _is_files(store):
        return None
    found = {}
    for path in newest(glob.glob(os.path.join(store.path, 'werkzeug_*.sess')), most):
        logins = _files.read(os.path.basename(path)[len('werkzeug_'):-len('.sess')]) or {}
        for db in set(login.db for login in logins.values()):
            found[db] = found.get(db, 0) + 1
    return found


SESSION_COOKIE = 'sid'
SESSION_SETTINGS = 'TMPDIR'


def session_page(db):
    return '/'


def is_stored(cookie):
    store = _session_store()
    if not store.is_valid_key(cookie):
        return False
    return os.path.exists(store.get_session_filename(cookie)) if _is_files(store) else bool(dict(store.get(cookie)))


def store_problem():
    try:
        store = _session_store()
        if _is_files(store):
            os.listdir(store.path)
        elif dict(store.get(store.generate_key())):
            raise ValueError("it knows a session that was never made")
    except Exception as error:
        return ' '.join(str(error).split()) or type(error).__name__
    return None


def load(db):
    replaced = _registries.get(db)
    try:
        with _registries.loading(db):
            RegistryManager.new(db)
    finally:
        _proven.pop(db, None)       # perhaps another check_credentials is in force
        _close_pool(db)     # polls have connections of their own
    return replaced


def forget(db):
    _proven.pop(db, None)
    return _registries.pop(db, None)


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


# The parameter of a poll that says, beside the cookie, who asks.
SESSION_PARAMETER = 'session_id'


def session_key(cookies, arguments, sent):
    # Two levels, and both are needed: the cookie names the file, the parameter the login in it.
    session_id = sent.pop('session_id', None) or arguments.get('session_id')
    sid = cookies.get('sid')
    return (sid, session_id) if sid and isinstance(session_id, (str, type(u''))) else None


def session(key):
    sid, session_id = key
    store = _session_store()
    if _is_files(store):
        # Not its get(): it takes every error, a shortage of file descriptors too, for an empty session.
        logins = _files.read(sid)
    elif not store.is_valid_key(sid):
        return None
    else:
        try:
            logins = _as_sessions(sid, dict(store.get(sid)))
        except Exception as error:
            _logger.warning("The session store does not answer: %s", ' '.join(str(error).split()))
            raise Unavailable("The session can't be read just now; try again.")
    return (logins or {}).get(session_id)


def visited(cookies):
    # As web/controllers/main.py, db_redirect.
    return cookies.get('last_used_database') or None


def later_session(key):
    return session(key)


def _session_store():
    """The store of the host's web client, which its server-wide module has made."""
    global _store
    for handler in openerp.service.wsgi_server.module_handlers:
        if hasattr(handler, 'session_store'):
            return handler.session_store
    if _store is None:
        http = _web_http()
        _store = http.werkzeug.contrib.sessions.FilesystemSessionStore(http.session_path())
    return _store


def _web_http():
    """``openerp.addons.web.http``, which can't be imported before the addons path is known.

    It is asked for at every poll, and below gevent an import takes a lock, even of what is imported already.
    """
    global _http
    if _http is None:
        from openerp.addons.web import http
        _http = http
    return _http


def _is_files(store):
    """Whether the session store is werkzeug's own; a module may have put another one in its place."""
    files = _web_http().werkzeug.contrib.sessions.FilesystemSessionStore
    return isinstance(store, files) and type(store).get.__func__ is files.get.__func__


def _locate(sid):
    store = _session_store()
    return store.get_session_filename(sid) if store.is_valid_key(sid) else None


def _parse(sid, content):
    try:
        stored = _Unpickler(io.BytesIO(content)).load()
    except Exception:       # whatever the bytes of another program lead to
        return None
    return _as_sessions(sid, stored) if isinstance(stored, dict) else None


class _Unpickler(pickle.Unpickler):
    """pickle's own, that imports the module of each class once: below gevent an import takes a lock of its own."""

    _found = {}

    def find_class(self, module, name):
        found = self._found.get((module, name))
        if found is None:
            found = self._found[module, name] = pickle.Unpickler.find_class(self, module, name)
        return found


def _as_sessions(sid, stored):
    """The Sessions of the logins in a file, by their session_id."""
    found = {}
    for session_id, login in stored.items():
        uid, context = getattr(login, '_uid', None), getattr(login, 'context', None) or {}
        if isinstance(uid, _integers) and uid and isinstance(context, dict) and \
                isinstance(getattr(login, '_db', None), _strings):
            found[session_id] = Session(login._db, uid, shared(context), getattr(login, '_password', None),
                                        (sid, session_id))
    return found


_files = SessionFiles(_locate, _parse)


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


def prove(cr, sessions):
    # Once check_credentials has found a password right, it is right as long as the user's row is the same: that check
    # reads the row, and whatever changes a password or a user changes it.
    versions = _row_versions(cr, set(session.uid for session in sessions))
    proven = _proven_of(cr.dbname)
    return [bool(session.secret) and (_is_known(proven.get((session.uid, session.secret)), versions.get(session.uid))
                                      or None) for session in sessions]


def _is_known(proof, version):
    return proof is not None and proof == version


def _row_versions(cr, uids):
    """What differs whenever a user's row was changed, by the user's id; users who are not active have none."""
    cr.execute("SELECT id, xmin::text || md5(res_users::text) FROM res_users WHERE active AND id IN %s", (tuple(uids),))
    return dict(cr.fetchall())


def verify(cr, session):
    # Not security.check: it answers from res.users' cache of this process, which never learns of a
    # password that was changed in another. check_credentials is the method that addons override.
    if not session.secret:
        return False
    proven, before = _proven_of(cr.dbname), _row_versions(cr, [session.uid])
    try:
        RegistryManager.get(cr.dbname).get('res.users').check_credentials(cr, session.uid, session.secret)
    except openerp.exceptions.AccessDenied:
        return False
    finally:
        cr.rollback()       # of what the check has converted, too
    after = _row_versions(cr, [session.uid])
    if before == after and after:
        proven[session.uid, session.secret] = after[session.uid]
    return True


def _proven_of(db):
    """By user and password: the version of the user's row with which check_credentials was content."""
    return _proven.setdefault(db, Recent(PROVEN))


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


def send_after_commit(cr, soon=False):
    # Cursors of other libraries, such as tests and scripts have, know nothing of this; a look finds their events.
    if isinstance(cr, openerp.sql_db.Cursor):
        if cr._cnx.autocommit:
            _wake_ups.committed(cr.dbname, cr._cnx, soon)
        elif cr._longpolling_published != 'now':
            cr._longpolling_published = 'soon' if soon else 'now'


def _wake_up_after_commit():
    """Have OpenERP's cursors send the wake-up: 7.0 has no callbacks after a commit."""
    cursor = openerp.sql_db.Cursor
    commit, rollback = cursor.commit, cursor.rollback
    cursor._longpolling_published = None        # 'now' or 'soon' if a wake-up is to follow

    def commit_and_wake_up(self):
        result = commit(self)
        published, self._longpolling_published = self._longpolling_published, None
        if published:
            _wake_ups.committed(self.dbname, self._cnx, soon=published == 'soon')
        return result

    def rollback_and_forget(self):
        self._longpolling_published = None
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
