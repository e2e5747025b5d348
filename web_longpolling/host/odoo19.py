# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Odoo 19.0."""
import contextlib
import glob
import io
import json
import logging
import os
import sys
import time

import psycopg2
from odoo import http
from odoo.addons.base.models.ir_http import IrHttp
from odoo.addons.base.models.res_users import ResUsers
from odoo.api import SUPERUSER_ID, Environment
from odoo.modules.registry import Registry
from odoo.service.model import _traverse_containers, call_kw
from odoo.service.server import load_server_wide_modules
from odoo.sql_db import Cursor, close_db, connection_info_for, db_connect
from odoo.tools import SQL, config, lazy
from odoo.tools.json import json_default as odoo_json_default
from odoo.tools.misc import consteq

from ..wake_up import WakeUps
from ..errors import ConfigurationError, Unavailable
from . import OneConnectionPool, Session, WriteWatch, openerp_alias, shared
from .registries import NoLock, Registries
from .session_files import SessionFiles, newest

_logger = logging.getLogger(__name__)

_registries = Registries()

openerp_alias.install()


class PollCursor(WriteWatch, Cursor):

    def execute(self, query, params=None, log_exceptions=False):
        if isinstance(query, SQL) and params is None:
            query, params = query.code, query.params
        return super().execute(query, params, log_exceptions)


def option(name):
    return config.get(name)


def option_names():
    return list(config.options)


def configuration_file():
    return config['config']


def configured_databases():
    return list(config['db_name'])


def serves(db, asked):
    return bool(http.db_filter([db], host=asked))


def connection_parameters(db):
    parameters = dict(connection_info_for(db)[1])
    parameters['dbname'] = parameters.pop('database')
    return parameters


def most_connections():
    if not config['workers']:
        return config['db_maxconn'], 'db_maxconn = %d' % config['db_maxconn']
    # A worker answers one request at a time, which has a cursor and seldom a second one.
    processes = config['workers'] + config['max_cron_threads']
    gevent = config['db_maxconn_gevent'] or config['db_maxconn']
    return 2 * processes + gevent, 'workers = %d, max_cron_threads = %d, db_maxconn%s = %d' % (
        config['workers'], config['max_cron_threads'], '_gevent' if config['db_maxconn_gevent'] else '', gevent)


def load_server_wide():
    # What loads a registry and what looks for one meet there: see registries.py.
    Registry.registries, Registry._lock = _registries, NoLock()
    load_server_wide_modules()


def check_sessions():
    problem = store_problem()
    if problem:
        raise ConfigurationError(
            "The sidecar can't read the sessions of your server: %s. It must run as the same user of the system and "
            "with the same configuration." % problem)


def session_place():
    store = http.root.session_store
    return store.path if _is_files(store) else type(store).__name__


def stored_databases(most):
    store = http.root.session_store
    if not _is_files(store):
        return None
    found = {}
    for path in newest(glob.glob(os.path.join(store.path, '*', '*')), most):
        login = _read_session(os.path.basename(path))
        if login is not None:
            found[login.db] = found.get(login.db, 0) + 1
    return found


SESSION_COOKIE = 'session_id'
SESSION_SETTINGS = 'data_dir'


def session_page(db):
    return '/web/login?debug=1&db=' + db        # without something to remember, Odoo keeps no session of a stranger


def is_stored(cookie):
    store = http.root.session_store
    if not store.is_valid_key(cookie):
        return False
    return os.path.exists(store.get_session_filename(cookie)) if _is_files(store) else bool(dict(store.get(cookie)))


def store_problem():
    try:
        store = http.root.session_store
        if _is_files(store):
            os.listdir(store.path)
        elif store.get(store.generate_key()).get('uid'):
            raise ValueError("%s knows a session that was never made" % type(store).__name__)
    except Exception as error:      # an AssertionError too: config.session_dir
        return ' '.join(str(error).split()) or type(error).__name__
    return None


def load(db):
    replaced = _registries.get(db)
    try:
        with _registries.loading(db):
            Registry.new(db)
    finally:
        close_db(db)    # polls have connections of their own
    return replaced


def forget(db):
    return _registries.pop(db, None)


def installed(db, module):
    return module in Registry(db)._init_modules


# Beside the cookie, nothing says who asks.
SESSION_PARAMETER = None


def session_key(cookies, arguments, sent):
    return cookies.get('session_id') or None


def session(key):
    return _if_kept(_read_session(key))


def visited(cookies):
    # As odoo/http.py, _get_session_and_dbname. (A script may name it in a header, too; pages do not.)
    sid, store = cookies.get('session_id'), http.root.session_store
    if not sid or not store.is_valid_key(sid):
        return None
    return _visits.read(sid) if _is_files(store) else _visited(dict(store.get(sid)))


def later_session(key):
    found = _read_session(key)
    name = _renamed(key) if found is None else found.stored.get('next_sid')
    return name and session(name) or _if_kept(found)


def _if_kept(found):
    # A session that was rotated lives on for two minutes under its old name.
    if found is None or found.stored.get('deletion_time', float('inf')) <= time.time():
        return None
    return found


def _renamed(key):
    """The name that a session goes on with when the file of its old one is gone already, or None.

    Odoo gives a session a new name every few hours; half of it stays, and says which session it is.
    """
    store = http.root.session_store
    if not _is_files(store) or not store.is_valid_key(key):
        return None
    folder, known = os.path.dirname(store.get_session_filename(key)), key[:http.STORED_SESSION_BYTES]
    try:
        names = [name for name in os.listdir(folder) if name.startswith(known) and name != key]
    except EnvironmentError:
        return None
    names = [name for name in names if session(name) is not None]
    return names[0] if len(names) == 1 else None


def _is_files(store):
    """Whether the session store is Odoo's own; a module may have put another one in its place."""
    return isinstance(store, http.FilesystemSessionStore) and type(store).get is http.FilesystemSessionStore.get


def _read_session(sid):
    store = http.root.session_store
    if _is_files(store):
        # Not its get(): it may move files, and takes every error, a shortage of file descriptors too, for an empty
        # session.
        return _files.read(sid)
    if not store.is_valid_key(sid):
        return None
    try:
        stored = store.get(sid)
    except Exception as error:
        _logger.warning("The session store does not answer: %s", ' '.join(str(error).split()))
        raise Unavailable("The session can't be read just now; try again.")
    return _as_session(sid, dict(stored)) if stored is not None and stored.sid == sid else None


def _locate(sid):
    store = http.root.session_store
    return store.get_session_filename(sid) if store.is_valid_key(sid) else None


def _parse(sid, content):
    try:
        stored = json.loads(content.decode('utf-8'))
    except (ValueError, RecursionError):
        return None
    return _as_session(sid, stored) if isinstance(stored, dict) else None


def _as_session(sid, stored):
    """The Session of a login; None if nobody is logged in, or something else than Odoo has written this."""
    uid, context = stored.get('uid'), stored.get('context') or {}
    if type(uid) is not int or not isinstance(context, dict) or not isinstance(stored.get('db'), str) \
            or not isinstance(stored.get('session_token'), str) \
            or not isinstance(stored.get('deletion_time', 0.0), (int, float)) \
            or not isinstance(stored.get('next_sid', ''), str):
        return None
    # Each file is parsed by itself, and thousands are remembered: the same names are in all of them.
    return Session(sys.intern(stored['db']), uid, shared(context), stored['session_token'], sid,
                   {sys.intern(name): value for name, value in stored.items() if name not in _ELSEWHERE})


# What a Session has in fields of its own, and what is large and says nothing of whether it is good.
_ELSEWHERE = frozenset(['db', 'uid', 'context', 'session_token', 'login', 'debug', '_trace'])

_files = SessionFiles(_locate, _parse)


def _parse_visit(sid, content):
    try:
        stored = json.loads(content.decode('utf-8'))
    except (ValueError, RecursionError):
        return None
    return _visited(stored) if isinstance(stored, dict) else None


def _visited(stored):
    return stored['db'] if isinstance(stored.get('db'), str) else None


_visits = SessionFiles(_locate, _parse_visit)


def cursor(db, connection):
    return PollCursor(OneConnectionPool(connection), db, {})


def close(cr):
    try:
        cr.close()
    except Exception:
        # A broken connection can't be rolled back. The cursor counts as closed all the same.
        pass


def check_signaling(cr):
    registry_sequence, cache_sequences = Registry(cr.dbname).get_sequences(cr)
    registry = Registry(cr.dbname)      # perhaps another one by now
    if registry.registry_sequence != registry_sequence:
        return False
    if registry.cache_sequences != cache_sequences:
        registry.check_signaling(cr)
    return True


def prove(cr, sessions):
    env = Environment(cr, SUPERUSER_ID, {})
    values = _token_values(env, sorted({session.uid for session in sessions}))
    public = _public_users(env, sessions[0])
    proofs = []
    for session in sessions:
        try:
            proofs.append(session.uid not in public and _has_token(env, session, values.get(session.uid))
                          and not _must_log_in(cr, session))
        except psycopg2.Error:
            raise
        except Exception as error:
            proofs.append(error)
    return proofs


def _public_users(env, session):
    """The ids of the users that stand for whoever has not logged in."""
    ir_http = type(env['ir.http'])
    if ir_http._get_public_users.__func__ is IrHttp._get_public_users.__func__:     # what that does, without a request
        return [env['ir.model.data']._xmlid_to_res_model_res_id('base.public_user')[1]]
    with _request_of(env, session):     # the module website has one for each of its sites
        return ir_http._get_public_users()


def verify(cr, session):
    return prove(cr, [session])[0]


def _of(env, uid, *names):
    """The user, for a call of these methods, with the Environment of his own if a module has overridden one of them.

    Odoo's own methods look at nothing of it, and thousands of Environments in one transaction take long to make.
    """
    users = env['res.users']
    if any(getattr(type(users), name) is not getattr(ResUsers, name) for name in names):
        env = Environment(env.cr, uid, {})
    return env['res.users'].browse(uid)


def _token_values(env, uids):
    """What the tokens of these users' sessions are made of, by user: what user._session_token_get_values() gives.

    Not user._compute_session_token, which answers from a cache: a changed password counts now, whether or not the
    process that changed it has signalled yet.
    """
    query = _query_of_all(env, uids)
    if query is None:
        return {uid: Environment(env.cr, uid, {})['res.users'].browse(uid)._session_token_get_values() for uid in uids}
    env.cr.execute(query)
    names = [column.name for column in env.cr.description]
    place = names.index('id')
    values, several = {}, set()
    for row in env.cr.fetchall():
        several.update({row[place]} & values.keys())
        values[row[place]] = tuple(zip(names, row))     # noqa: B905
    return {uid: value for uid, value in values.items() if uid not in several}


def _query_of_all(env, uids):
    """The query of user._session_token_get_values() for all of these users at once.

    None if a module has made it another one, which is for one user alone.
    """
    if len(uids) < 2 or type(env['res.users'])._session_token_get_values is not ResUsers._session_token_get_values:
        return None
    users = [Environment(env.cr, uid, {})['res.users'].browse(uid) for uid in (uids[0], uids[-1])]
    one, other = [user._get_session_token_query_params() for user in users]
    if one.pop('where') != SQL("res_users.id = %s", uids[0]):
        return None
    other.pop('where')
    if one != other or 'id' not in users[0]._get_session_token_fields():
        return None
    return SQL("SELECT %(select)s FROM %(from)s %(joins)s WHERE %(where)s GROUP BY %(group_by)s",
               where=SQL("res_users.id = ANY(%s)", uids), **one)


def _has_token(env, session, values):
    if not values:
        return False
    of_what = env.registry.registry_sequence, values
    if session.proof == of_what:    # it would be reckoned from the same once more
        return True
    user = _of(env, session.uid, '_session_token_hash_compute', '_legacy_session_token_hash_compute')
    if consteq(user._session_token_hash_compute(session.key, values), session.secret):
        session.proof = of_what
        return True
    return consteq(user._legacy_session_token_hash_compute(session.key) or '', session.secret)


def _must_log_in(cr, session):
    """What Odoo's module auth_timeout asks of a route with auth='user', besides the token."""
    must_check_identity = getattr(Registry(cr.dbname)['ir.http'], '_must_check_identity', None)
    if must_check_identity is None:
        return False
    with _request_of(Environment(cr, session.uid, {}), session):
        return bool(must_check_identity())


class _Stored(dict):
    """A session as a module of Odoo's knows it."""

    def __init__(self, session):
        dict.__init__(self, session.stored, uid=session.uid, db=session.db, context=session.context,
                      session_token=session.secret)
        self.uid, self.db, self.context, self.sid = session.uid, session.db, session.context, session.key
        self.session_token = session.secret


class _Asking(http.Request):
    """What a module that asks for odoo.http.request gets: the session, and nothing of what a browser has sent.

    It is asked of many polls together. (The module website looks for the site of the host that was asked, for instance,
    and takes the first one.)
    """

    def __init__(self, env, session):
        http.Request.__init__(self, _NOTHING_SENT)
        self.env, self.registry, self.db = env, env.registry, session.db
        self.session, self.params, self._post_init = _Stored(session), {}, None


_NOTHING_SENT = http.HTTPRequest({
    'REQUEST_METHOD': 'GET', 'PATH_INFO': '/', 'QUERY_STRING': '', 'HTTP_HOST': '', 'SERVER_NAME': '',
    'SERVER_PORT': '', 'REMOTE_ADDR': '', 'wsgi.url_scheme': 'http', 'wsgi.input': io.BytesIO()})


@contextlib.contextmanager
def _request_of(env, session):
    http._request_stack.push(_Asking(env, session))
    try:
        yield
    finally:
        http._request_stack.pop()


def environment(cr, uid, context):
    return Environment(cr, uid, context)


def call(cr, uid, model, method, args, kwargs):
    env = Environment(cr, uid, {})
    if model not in env:
        raise LookupError("The database %s has no model %s." % (cr.dbname, model))
    result = call_kw(env[model], method, list(args), kwargs)
    for value in _traverse_containers(result, lazy):
        getattr(value, '_value')        # noqa: B009  computed now: the cursor is closed afterwards
    return result


def flush(cr):
    cr.flush()


@contextlib.contextmanager
def _pooled(db):
    with contextlib.closing(db_connect(db).cursor()) as cr:
        yield cr._cnx


_wake_ups = WakeUps(_pooled)


def send_after_commit(cr, soon=False):
    # Cursors of other libraries, such as tests and scripts have, know nothing of this; a look finds their events.
    callbacks = getattr(cr, 'postcommit', None)
    if callbacks is not None:
        asked = callbacks.data.get('longpolling')
        if asked is None:       # once for a commit
            callbacks.add(lambda data=callbacks.data: _wake_ups.committed(
                cr.dbname, cr._cnx, soon=data.get('longpolling') == 'soon'))
        if asked != 'now':
            callbacks.data['longpolling'] = 'soon' if soon else 'now'


def json_default(value):
    converted = odoo_json_default(value)
    # Odoo writes whatever it does not know as str(): the address of an object is no answer.
    if isinstance(converted, str) and type(value).__str__ is object.__str__:
        raise TypeError("%s has no form in JSON." % type(value).__name__)
    return converted
