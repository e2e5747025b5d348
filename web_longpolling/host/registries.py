# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The host's table of registries, in which one that is being loaded is seen by whoever loads it alone.

The hosts put a registry into their table before they fill it, and hold a lock meanwhile for which everybody waits who
looks into the table. The sidecar loads in a thread beside its polls: these see the old registry until the new one is
complete, and wait for no lock.
"""
import contextlib
import threading

from ..errors import DatabaseUnavailable

try:
    from collections.abc import MutableMapping
except ImportError:         # Python 2.7
    from collections import MutableMapping


class NoLock(object):
    """In the place of the lock: only one registry is loaded at a time."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def acquire(self, *args, **kwargs):
        return True

    def release(self):
        pass


class Registries(MutableMapping):
    """In the place of the table: registries by the name of their database.

    A registry that is not here is not loaded by the way, as the hosts do.
    """

    def __init__(self):
        self._loaded = {}
        self._here = threading.local()      # gevent's, by greenlet: what is loaded is loaded in one

    @contextlib.contextmanager
    def loading(self, db):
        """In the block, the registry of `db` is a new one for the caller; for all others when the block has ended well.
        """
        self._here.db, self._here.new = db, {}
        try:
            yield
            self._loaded.update(self._here.new)
        finally:
            del self._here.db, self._here.new

    def _table(self, db):
        return self._here.new if getattr(self._here, 'db', None) == db else self._loaded

    def __getitem__(self, db):
        table = self._table(db)
        if db not in table and table is self._loaded:
            raise DatabaseUnavailable("its registry is not loaded")
        return table[db]

    def __contains__(self, db):
        return db in self._table(db)

    def __setitem__(self, db, registry):
        self._table(db)[db] = registry

    def __delitem__(self, db):
        del self._table(db)[db]

    def get(self, db, default=None):
        return self._table(db).get(db, default)

    def pop(self, db, *default):
        return self._table(db).pop(db, *default)

    def __iter__(self):
        return iter(list(self._loaded))

    def __len__(self):
        return len(self._loaded)

    @property
    def snapshot(self):
        """A copy, for Odoo's own statistics."""
        return dict(self._loaded)
