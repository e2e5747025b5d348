# -*- coding: utf-8 -*-
"""How a controller reads: one cursor a call, or many calls in one snapshot."""
import time

from openerp.addons.web_longpolling.longpolling import longpolling


@longpolling.route('/read/sleep')
def sleep(request, seconds, **kwargs):
    """Hold a cursor for so many seconds, in the database."""
    with request.snapshot() as snapshot:
        snapshot.cr.execute("SELECT pg_sleep(%s)", (seconds,))
        return request.uid


@longpolling.route('/read/slow_to_leave')
def slow_to_leave(request, seconds, **kwargs):
    """Hold a cursor until the poll's timeout, and for so many seconds after it."""
    with request.snapshot():
        try:
            time.sleep(600)
        finally:
            time.sleep(seconds)


@longpolling.route('/read/snapshot')
def snapshot(request, partner, pause, **kwargs):
    """A partner's name read twice in one snapshot, with a pause between."""
    with request.snapshot() as snapshot:
        partners = snapshot.model('res.partner')
        first = partners.read([partner], ['name'])[0]['name']
        time.sleep(pause)
        return [first, partners.read([partner], ['name'])[0]['name']]


@longpolling.route('/read/calls')
def calls(request, partner, pause, **kwargs):
    """The same in two calls, each with a cursor of its own."""
    partners = request.model('res.partner')
    first = partners.read([partner], ['name'])[0]['name']
    time.sleep(pause)
    return [first, partners.read([partner], ['name'])[0]['name']]


@longpolling.route('/read/transactions')
def transactions(request, **kwargs):
    """What PostgreSQL says of the transaction and the connection of a snapshot."""
    with request.snapshot() as snapshot:
        snapshot.cr.execute("SHOW transaction_read_only")
        read_only = snapshot.cr.fetchone()[0]
        snapshot.cr.execute("SELECT pg_backend_pid()")
        return {'read_only': read_only, 'backend': snapshot.cr.fetchone()[0],
                'environment': snapshot.env is not None and snapshot.env.uid}


@longpolling.route('/read/nested')
def nested(request, **kwargs):
    """A snapshot in a snapshot, and a model call in it, are the one transaction."""
    with request.snapshot() as outer:
        with request.snapshot() as inner:
            same = inner is outer and inner.cr is outer.cr
            found = request.model('res.users').search([('id', '=', request.uid)])
    return {'same': same, 'found': found}


@longpolling.route('/read/no_such_model')
def no_such_model(request, **kwargs):
    return request.model('no.such.model').search([])


@longpolling.route('/read/private')
def private(request, **kwargs):
    return request.model('res.users')._login('admin')


@longpolling.route('/read/forbidden')
def forbidden(request, **kwargs):
    """What an ordinary user has no right to read."""
    return request.model('ir.mail_server').search([])


@longpolling.route('/read/model')
def model(request, model, **kwargs):
    """How many records of a model the user sees."""
    return len(request.model(model).search([]))


@longpolling.route('/read/sort')
def sort(request, rows, **kwargs):
    """Let PostgreSQL sort more than it does in memory."""
    with request.snapshot() as snapshot:
        snapshot.cr.execute("SELECT max(place) FROM (SELECT row_number() OVER (ORDER BY md5(number::text)) AS place "
                            "FROM generate_series(1, %s) AS number) AS sorted", (rows,))
        return snapshot.cr.fetchone()[0]
