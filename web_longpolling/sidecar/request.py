# -*- coding: utf-8 -*-
"""What a controller is given: werkzeug's Request, and the user's database."""
import contextlib

import werkzeug.wrappers

from ..errors import AuthenticationError, BadRequest, SnapshotHeld
from ..publishing import check_channel
from .database.snapshots import Model, open_snapshot
from .loop.clock import monotonic
from .news.channels import Subscription

try:
    _integers, _strings = (int, long), (basestring,)    # noqa: F821
except NameError:
    _integers, _strings = (int,), (str,)


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
        self._route = None
        self._session = None
        self._verified = None       # when, on the monotonic clock
        self._snapshot = None
        self._ended = False
        self.notified_at = None     # when the news came that it answers, on the same clock

    def log_in(self, database, route, session):
        """Make the poll the user's of `session`, if the database says that it is good.

        :param route: the poll's Route
        :returns: whether it is
        """
        self._verified = monotonic()
        if database.verify(session):
            self._database = database
            self._route = route.path
            self._session = session
            session.secret = None       # not kept for as long as the poll is held; the next check reads it anew
        return self._session is not None

    def verify_again(self, older_than=0):
        """The poll was held: is its session still good?

        :param older_than: seconds; a check that is no older is good enough
        :raises AuthenticationError: if not; the request has no login from then on
        """
        if self._ended:     # a controller that caught the error has nothing to answer either
            raise AuthenticationError("The session has ended; log in again.")
        if self._session is None or monotonic() - self._verified <= older_than:
            return
        self._verified = monotonic()
        if not self._database.verify_again(self._session.key):
            self._session = None
            self._ended = True
            raise AuthenticationError("The session has ended; log in again.")

    def resumed(self, notified_at):
        """The poll goes on because news have come: verify its session again.

        :param notified_at: when the news came, on the monotonic clock
        :raises AuthenticationError: if the session has ended; the request has no login from then on
        """
        self.notified_at = notified_at
        self.verify_again()

    @property
    def session_key(self):
        """What tells the poll's session from all others, or None if nobody is logged in."""
        return self._session.key if self._session is not None else None

    def _login(self):
        if self._session is None:
            raise AuthenticationError("Nobody is logged in, or the session has ended; log in again.")
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
        with open_snapshot(self._database, self._route, session.uid, self.context) as snapshot:
            self._snapshot = snapshot
            try:
                yield snapshot
            finally:
                self._snapshot = None

    @property
    def holds_snapshot(self):
        """Whether the controller is inside ``with request.snapshot()``."""
        return self._snapshot is not None

    @contextlib.contextmanager
    def listen(self, *channels):
        """Subscribe to `channels` for the length of the block: ``with request.listen('mail') as news:``.

        Subscribe first, read then, and wait last: so nothing is missed in between.

        :returns: a Subscription; ``news.wait()`` holds the poll until something comes
        :raises AuthenticationError: if nobody is logged in
        :raises ValueError: if one of the channels is no name of a channel
        """
        self._login()
        subscription = Subscription(self, channels)
        with self._database.channels.subscribed(subscription):
            yield subscription

    def follow(self, channels, since):
        """What was published on `channels` after position `since`, or as soon as there is something.

        :param channels: a name, or a list of names; the controller decides who may follow what
        :param since: the position that the browser knows, a number; 0 for all that is kept
        :returns: EventBatch, a mapping: ``last`` is the position to ask from next time, ``events`` a list of
            ``{"position", "channel", "payload"}``, and ``missed`` is there (True) if events after `since`
            are no longer kept
        :raises AuthenticationError: if nobody is logged in, or no longer
        :raises BadRequest: if `since` is no such number (400)
        :raises SnapshotHeld: inside ``with request.snapshot()``
        """
        self._login()
        if self._snapshot is not None:
            raise SnapshotHeld()
        if not isinstance(since, _integers) or isinstance(since, bool) or not 0 <= since < 2 ** 63:
            raise BadRequest("A position is a whole number from 0 on.")
        if isinstance(channels, _strings):
            channels = [channels]
        channels = tuple(sorted(set(check_channel(channel) for channel in channels)))
        return self._database.feed.follow(self, channels, since)

    def _call(self, model, method, args, kwargs):
        with self.snapshot() as snapshot:
            return getattr(snapshot.model(model), method)(*args, **kwargs)
