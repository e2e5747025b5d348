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
