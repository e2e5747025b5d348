# -*- coding: utf-8 -*-
"""What a controller is given: werkzeug's Request, and the user's database."""
import contextlib

import werkzeug.wrappers

from ..errors import AuthenticationError
from .snapshot import Model, open_snapshot


class Request(werkzeug.wrappers.Request):
    """One poll, as its controller sees it.

    uid: the user's id
    context: the user's context, a dict
    db: the database's name

    These three exist only if somebody is logged in, as does :meth:`model`.
    """

    def __init__(self, environ):
        werkzeug.wrappers.Request.__init__(self, environ)
        self._database = None
        self._session = None
        self._snapshot = None

    def log_in(self, database, session):
        """From now on the poll is the user's of `session`, which has been verified."""
        self._database = database
        self._session = session

    def _login(self):
        if self._session is None:
            raise AuthenticationError("Nobody is logged in.")
        return self._session

    @property
    def uid(self):
        return self._login().uid

    @property
    def context(self):
        return dict(self._login().context)

    @property
    def db(self):
        return self._login().db

    def model(self, name):
        """The model `name` by the host's RPC convention; each call has a cursor of its own.

        Inside ``with request.snapshot()`` the calls read in that snapshot instead.

        :raises AuthenticationError: if nobody is logged in
        """
        self._login()
        return Model(name, self._call)

    @contextlib.contextmanager
    def snapshot(self):
        """Group calls in one read-only transaction: ``with request.snapshot() as snapshot:``.

        It holds one cursor of the budget for the length of the block. Inside another
        snapshot of the same request it is that one.

        :raises AuthenticationError: if nobody is logged in
        :raises BudgetExhausted: if no cursor became free before the poll's timeout (503)
        """
        session = self._login()
        if self._snapshot is not None:
            yield self._snapshot
            return
        with open_snapshot(self._database, session.uid, self.context) as snapshot:
            self._snapshot = snapshot
            try:
                yield snapshot
            finally:
                self._snapshot = None

    def _call(self, model, method, args, kwargs):
        with self.snapshot() as snapshot:
            return getattr(snapshot.model(model), method)(*args, **kwargs)
