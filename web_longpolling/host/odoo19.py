# -*- coding: utf-8 -*-
"""Odoo 19.0."""
import contextlib
import errno
import json
import time

from odoo import http
from odoo.api import Environment
from odoo.modules.registry import Registry
from odoo.service.model import _traverse_containers, call_kw
from odoo.sql_db import Cursor, close_db, connection_info_for, db_connect
from odoo.tools import config, lazy
from odoo.tools.json import json_default as odoo_json_default
from odoo.tools.misc import consteq

from ..wake_up import WakeUps
from ..errors import Unavailable
from . import OneConnectionPool, Session, WriteWatch, openerp_alias

openerp_alias.install()


class PollCursor(WriteWatch, Cursor):
    pass


def option(name):
    return config.get(name)


def configured_databases():
    return list(config['db_name'])


def connection_parameters(db):
    parameters = dict(connection_info_for(db)[1])
    parameters['dbname'] = parameters.pop('database')
    return parameters


def load(db):
    old = Registry.registries.get(db)
    try:
        Registry.new(db)
    except BaseException:
        if old is not None:
            Registry.registries[db] = old
        raise
    finally:
        close_db(db)    # polls have connections of their own


def installed(db, module):
    return module in Registry(db)._init_modules


def session_key(cookies, arguments, sent):
    return cookies.get('session_id') or None


def session(key):
    if not http.root.session_store.is_valid_key(key):
        return None
    stored = _read_session(key)
    # A session that was rotated lives on for two minutes under its old name.
    if not stored.get('uid') or stored.get('deletion_time', float('inf')) <= time.time():
        return None
    return Session(stored['db'], stored['uid'], stored.get('context') or {}, stored.get('session_token'), key)


def _read_session(sid):
    # Not session_store.get(): it may move files, and takes every error, a shortage of file descriptors
    # too, for an empty session.
    try:
        with open(http.root.session_store.get_session_filename(sid), 'rb') as session_file:
            return json.loads(session_file.read().decode('utf-8'))
    except EnvironmentError as error:
        if error.errno == errno.ENOENT:
            return {}
        raise Unavailable("The session can't be read just now; try again.")


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


def verify(cr, session):
    user = Environment(cr, session.uid, {})['res.users'].browse(session.uid)
    # What user._compute_session_token computes, without its ormcache: a changed password counts now,
    # whether or not the process that changed it has signalled yet.
    values = user._session_token_get_values()
    if not values or not session.secret:
        return False
    if consteq(user._session_token_hash_compute(session.key, values), session.secret):
        return True
    return consteq(user._legacy_session_token_hash_compute(session.key) or '', session.secret)


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


def send_after_commit(cr):
    # Cursors of other libraries, such as tests and scripts have, know nothing of this; a look finds their events.
    callbacks = getattr(cr, 'postcommit', None)
    if callbacks is not None and not callbacks.data.get('longpolling'):
        callbacks.data['longpolling'] = True        # once for a commit
        callbacks.add(lambda: _wake_ups.committed(cr.dbname, cr._cnx))


def json_default(value):
    converted = odoo_json_default(value)
    # Odoo writes whatever it does not know as str(): the address of an object is no answer.
    if isinstance(converted, str) and type(value).__str__ is object.__str__:
        raise TypeError("%s has no form in JSON." % type(value).__name__)
    return converted
