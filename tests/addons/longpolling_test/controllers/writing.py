# -*- coding: utf-8 -*-
"""Every way in which a controller might try to write."""
from openerp.addons.web_longpolling.longpolling import longpolling

SQL = "UPDATE res_partner SET name = 'written by a poll' WHERE id = %s"


@longpolling.route('/write/create')
def create(request, partner, **kwargs):
    return request.model('res.partner').create({'name': 'written by a poll'})


@longpolling.route('/write/write')
def write(request, partner, **kwargs):
    return request.model('res.partner').write([partner], {'name': 'written by a poll'})


@longpolling.route('/write/unlink')
def unlink(request, partner, **kwargs):
    return request.model('res.partner').unlink([partner])


@longpolling.route('/write/sql')
def sql(request, partner, **kwargs):
    with request.snapshot() as snapshot:
        snapshot.cr.execute(SQL, (partner,))


@longpolling.route('/write/after_commit')
def after_commit(request, partner, **kwargs):
    with request.snapshot() as snapshot:
        snapshot.cr.execute("SELECT 1")
        snapshot.cr.commit()
        snapshot.cr.execute(SQL, (partner,))


@longpolling.route('/write/after_rollback')
def after_rollback(request, partner, **kwargs):
    with request.snapshot() as snapshot:
        snapshot.cr.execute("SELECT 1")
        snapshot.cr.rollback()
        snapshot.cr.execute(SQL, (partner,))


@longpolling.route('/write/caught')
def caught(request, partner, **kwargs):
    """The controller takes the error for a trifle and tries to commit."""
    with request.snapshot() as snapshot:
        try:
            snapshot.cr.execute(SQL, (partner,))
        except Exception:
            snapshot.cr.rollback()
        snapshot.cr.commit()
    return 'went on'


@longpolling.route('/write/delayed')
def delayed(request, partner, **kwargs):
    """On Odoo the ORM keeps the new value to itself, and would send it when the transaction ends."""
    with request.snapshot() as snapshot:
        if snapshot.env is None:
            snapshot.model('res.partner').write([partner], {'name': 'written by a poll'})
        else:
            snapshot.env['res.partner'].browse(partner).name = 'written by a poll'


@longpolling.route('/write/public', mustbeauthenticated=False)
def public(request, partner, **kwargs):
    """Without a login there is not even a transaction to write in."""
    with request.snapshot() as snapshot:
        snapshot.cr.execute(SQL, (partner,))


LEFT_BEHIND = {
    'search_path': ("SET search_path TO pg_catalog", "SHOW search_path"),
    'setting': ("SET work_mem = '123kB'", "SHOW work_mem"),
    'timeout': ("SET statement_timeout = 1", "SHOW statement_timeout"),
    'datestyle': ("SET datestyle = 'German'", "SHOW datestyle"),
    'role': ("SET ROLE pg_monitor", "SELECT current_user::text"),
    'lock': ("SELECT pg_advisory_lock(4711)",
             "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711"),
    'prepared': ("PREPARE left_behind AS SELECT 1", "SELECT count(*) FROM pg_prepared_statements"),
    'listen': ("LISTEN left_behind", "SELECT count(*) FROM pg_listening_channels()"),
    'cursor': ("DECLARE left_behind CURSOR WITH HOLD FOR SELECT 1", "SELECT count(*) FROM pg_cursors"),
    'writable': ("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", "SHOW transaction_read_only"),
}


def _said(cr, query):
    cr.execute(query)
    return str(cr.fetchone()[0])


@longpolling.route('/leave/<what>')
def leave(request, what, how, **kwargs):
    """Do something to the connection, and end the transaction in a way that keeps it, as far as PostgreSQL goes."""
    with request.snapshot() as snapshot:
        snapshot.cr.execute(LEFT_BEHIND[what][0])
        if how == 'sql':
            snapshot.cr.execute("COMMIT")
        if how == 'connection':
            snapshot.cr._cnx.commit()
    return 'left'


@longpolling.route('/left/<what>')
def left(request, what, **kwargs):
    with request.snapshot() as snapshot:
        return [_said(snapshot.cr, LEFT_BEHIND[what][1]), _said(snapshot.cr, "SELECT pg_backend_pid()")]


@longpolling.route('/write/on_purpose')
def on_purpose(request, partner, **kwargs):
    """The first thing that is said in a transaction may make it one that writes."""
    with request.snapshot() as snapshot:
        snapshot.cr.execute("SET TRANSACTION READ WRITE")
        snapshot.cr.execute(SQL, (partner,))
        snapshot.cr.commit()


@longpolling.route('/write/commit')
def commit(request, partner, **kwargs):
    with request.snapshot() as snapshot:
        snapshot.cr.commit()
