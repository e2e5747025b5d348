# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Reading the database: snapshots, and models called one cursor at a time."""
import contextlib

from psycopg2.extensions import TRANSACTION_STATUS_INERROR

from ... import host
from ...errors import ReadOnlyError
from ..loop.fresh_stack import run_on_fresh_stack


class Snapshot(object):
    """A read-only transaction: whatever is read in it is of one moment.

    cr: the host's own cursor
    env: the host's Environment (Odoo), None on OpenERP 7.0
    """

    def __init__(self, cr, env, uid):
        self.cr = cr
        self.env = env
        self._uid = uid

    def model(self, name):
        """The model `name`, whose methods read in this snapshot."""
        return Model(name, self._call)

    def _call(self, model, method, args, kwargs):
        return run_on_fresh_stack(host.adapter().call, self.cr, self._uid, model, method, args, kwargs)


class Model(object):
    """A model of the host, called by its RPC convention: ids first, ``context=`` a keyword."""

    def __init__(self, name, call):
        self._name = name
        self._call = call

    def __getattr__(self, method):
        if method.startswith('_'):
            raise AttributeError("%s is private: a controller calls what an RPC may call." % method)
        return lambda *args, **kwargs: self._call(self._name, method, args, kwargs)

    def __repr__(self):
        return "Model(%r)" % self._name


@contextlib.contextmanager
def open_snapshot(database, reader, context, after=None):
    """Read in one transaction for the length of the block.

    :param database: the Database to read
    :param reader: the Reader for whom the cursor is counted; the host's access rules are this user's
    :param context: the user's context, for Odoo's Environment
    :param after: called with the cursor, in a new transaction, when the block has come to its end
    :raises BudgetExhausted, ReadCutOff, DatabaseUnavailable: as ``Database.cursor``
    :raises ReadOnlyError: if something was written in it
    """
    adapter = host.adapter()
    with database.current_cursor(reader) as cr:
        try:
            yield Snapshot(cr, adapter.environment(cr, reader.user, context), reader.user)
            adapter.flush(cr)
        except Exception as error:
            if _has_written(cr, error):
                raise ReadOnlyError()
            raise
        if after is not None:
            cr.rollback()
            run_on_fresh_stack(after, cr)


def _has_written(cr, error):
    """Whether a refused write is what has ended the transaction of `cr`, whatever the ORM made of it."""
    return cr.refused and (getattr(error, 'pgcode', None) == host.READ_ONLY_SQL_TRANSACTION or
                           cr.connection.get_transaction_status() == TRANSACTION_STATUS_INERROR)
