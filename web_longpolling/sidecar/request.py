# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What a controller is given: werkzeug's Request, and the user's database."""
import collections
import contextlib

from ..errors import AuthenticationError, BadRequest, Gone, SnapshotHeld, TooManyPolls
from ..publishing import check_channel
from ..tickets import taken_apart
from .database.budget import Reader
from .database.database import Use
from .database.snapshots import Model, open_snapshot
from .database.tickets import Ticket
from .loop.clock import monotonic
from .wire.received import Received

try:
    _strings = (basestring,)        # noqa: F821
except NameError:
    _strings = (str,)

# How a page sends the position of its last answer, in the environment of WSGI.
SINCE = 'HTTP_X_LONGPOLLING_SINCE'


class PollState(collections.namedtuple('PollState', 'database user route channels seconds at_work')):
    """A poll, as the administrator sees it.

    database: the name of the one that is asked; None if the poll does not say which
    user: the id of who polls; None without a login, and as long as it is not verified
    route: the path of the Route that it polls
    channels: list of the names of those that it waits for just now; None if it waits for none
    seconds: for how long it has been under way
    at_work: whether it is known to be looking for news, or reading
    """

    __slots__ = ()

_GONE = "This ticket is good no longer, or not for this page; ask for another."


class OnlyPosition(BaseException):
    """The first poll of a page that follows: it is answered at once, with 204 and the position from which it follows.

    No controller's ``except Exception`` may keep it.
    """

# Seconds. The answer of a poll that was held longer leaves only after its session has been verified again.
FRESH = 1

# Seconds that a poll has at least to verify its session and hand out its answer, whenever its timeout is.
GRACE = 5

# By which a page says whose it is, a number: the cookie may be another user's by now. As in the environment of WSGI:
# werkzeug's headers would be held with the poll.
USER = 'HTTP_X_LONGPOLLING_USER'


class Request(Received):
    """One poll, as its controller sees it.

    uid: the user's id
    context: the user's context, a dict
    db: the database's name

    These three exist only if somebody is logged in, as does :meth:`model`.

    position: text, up to which the page will have seen the channels that it waits for or follows; None without such
    """

    # Beside these a controller may set what it likes; of a held poll a dict of all would take a kilobyte more.
    __slots__ = ('_began', '_busy', '_database', '_databases', '_ended', '_followed', '_module', '_most_by_ticket',
                 '_reading', '_route', '_session', '_snapshot', '_ticket', '_ticket_verified', '_unanswered',
                 '_verified', 'channels', 'notified_at', 'position', 'timer')

    def __init__(self, environ, route, database, databases, most_by_ticket):
        """
        :param route: the poll's Route
        :param database: the Database that is asked, whether or not somebody is logged in there; None if that is not
            said
        :param databases: the Databases of this process, among which its ticket is looked for
        :param most_by_ticket: how many polls may be held by one ticket that names no user
        """
        Received.__init__(self, environ)
        self._began = monotonic()
        self._database = database
        self._route = route.path
        self._module = route.module
        self._databases = databases
        self._most_by_ticket = most_by_ticket
        self._ticket = None         # by which it follows, and the Database of that
        self._ticket_verified = None
        self._session = None
        self._verified = None       # when, on the monotonic clock
        self._snapshot = None
        self._ended = False
        self.position = environ.get(SINCE) or None
        self._followed = False      # whether `position` is the controller's by now
        self._unanswered = None     # while the controller has news that it has not answered with: what stays if it
        #                             does not, a tuple of one position
        self.timer = None           # the PollTimer that ends it
        self.notified_at = None     # when the news came that it answers, on the same clock
        self.channels = None        # what it waits for just now, a frozenset of names
        self._reading = False       # whether it reads, or waits for a cursor to read with
        self._busy = False          # whether it looks for news, or has some

    def log_in(self, database, session, verified):
        """Make the poll the user's of `session`, which the database has found good.

        :param verified: when, on the monotonic clock
        :raises AuthenticationError: if the page says that it was made for another user
        """
        self.expect_user(session.uid, self.environ.get(USER))
        self._database = database
        self._session = session
        self._verified = verified

    @staticmethod
    def expect_user(uid, expected):
        """Refuse a page of another user than the session's: somebody else has logged in since it was opened.

        :param expected: the user's id as the page says it, None if it does not
        :raises AuthenticationError: if it is another one, or no number
        """
        if expected is not None and str(expected).strip() != str(uid):
            raise AuthenticationError("Another user is logged in by now; open the page again.")

    def verify_again(self, older_than=0):
        """The poll was held: is its session still good, and its user the same?

        :param older_than: seconds; a check that is no older is good enough
        :raises AuthenticationError: if not; the request has no login from then on
        """
        if self._ended:     # a controller that caught the error has nothing to answer either
            raise AuthenticationError("The session has ended; log in again.")
        if self._session is not None and monotonic() - self._verified > older_than:
            if self.timer is not None:
                self.timer.leave(GRACE)     # the answer is there, or nearly
            asked = monotonic()
            session = self._database.sessions.look(self._session.key, self._session.uid)
            if session is None:
                self._session = None
                self._ended = True
                raise AuthenticationError("The session has ended; log in again.")
            self._session, self._verified = session, asked
        if self._ticket is not None and monotonic() - self._ticket_verified > older_than:
            if self.timer is not None:
                self.timer.leave(GRACE)
            self._look_for(self._ticket[1], self._ticket[0].digest)

    def ticket(self, token):
        """The ticket of a token, for :meth:`wait` and :meth:`follow`: with it a route may do without a login.

        :param token: what the host's ``longpolling.ticket`` has given, and the page has sent
        :returns: Ticket, good just now; `channels` are its channels
        :raises Gone: if there is no such ticket, or no longer, or it is another user's (410)
        :raises AuthenticationError: if it is a user's, and nobody is logged in
        """
        parts = taken_apart(token)
        database = self._databases.of_ticket(parts, self.environ.get('HTTP_HOST', '')) if parts is not None else None
        if database is None:
            raise Gone(_GONE)
        with Use(database):
            if self._databases.on_demand and not database.is_served():
                raise Gone(_GONE)
            return self._look_for(database, parts[1])

    def _look_for(self, database, digest):
        asked = database.used_at = monotonic()
        ticket = database.tickets.look(digest)
        if ticket is None or self._module not in database.modules():
            raise Gone(_GONE)
        if ticket.uid is not None and (self._login().uid != ticket.uid or self._database is not database):
            raise Gone(_GONE)
        self._ticket, self._ticket_verified = (ticket, database), asked
        return ticket

    def resumed(self, notified_at):
        """The poll goes on because news have come: verify its session again.

        :param notified_at: when the news came, on the monotonic clock
        :raises AuthenticationError: if the session has ended; the request has no login from then on
        """
        self.notified_at = notified_at
        self._busy = True
        self.verify_again()

    def hold(self, channels):
        """From now on the poll does nothing but wait for news on `channels`, until these are set to None again."""
        self.channels = channels
        self._busy = False

    @property
    def who(self):
        """(database, user) of whoever is logged in, for the log; None if nobody is."""
        return (self._session.db, self._session.uid) if self._session is not None else None

    def state(self):
        """What the administrator sees of it, a PollState."""
        return PollState(self._database and self._database.name, self._session and self._session.uid, self._route,
                         self.channels and sorted(self.channels), round(monotonic() - self._began, 1), self.at_work)

    @property
    def at_work(self):
        """Whether it is known to be doing something else than waiting: it looks for news, has some, or reads."""
        return self._busy or self._reading

    @property
    def session_key(self):
        """What distinguishes the poll's session from all others, or None if nobody is logged in."""
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
        reader = Reader(self._route, session.uid, self.timer.deadline if self.timer is not None else float('inf'))
        self._reading = True
        try:
            with open_snapshot(self._database, reader, self.context, self._verify_after) as snapshot:
                self._snapshot = snapshot
                try:
                    yield snapshot
                finally:
                    self._snapshot = None
        finally:
            self._reading = False

    def _verify_after(self, cr):
        """After a long read: verify the session while the cursor is still here, so that the answer waits for no other.

        :param cr: the cursor, in a new transaction
        """
        if monotonic() - self._verified > FRESH:
            asked = monotonic()
            session = self._database.sessions.prove(cr, self._session.key, self._session.uid)
            if session is not None:     # otherwise it is for verify_again to say so
                self._session, self._verified = session, asked

    @property
    def holds_snapshot(self):
        """Whether the controller is inside ``with request.snapshot()``."""
        return self._snapshot is not None

    def wait(self, *channels, **options):
        """Hold the poll until something was published on one of `channels` after the page's last answer.

        The first poll of a page, which knows no position, goes on at once; a further wait in the same poll goes on from
        there. Read after it: the position that the page gets with the answer is older than what is read then.

        :param channels: names; the controller decides who may wait for what. Or a single :meth:`ticket`
        :param timeout: seconds after which it goes on without news; None: the poll's timeout ends it with 204
        :returns: frozenset of the channels that have news, empty at a page's first poll and after `timeout`
        :raises AuthenticationError: if nobody is logged in, or no longer
        :raises BadRequest: if a name can't be that of a channel, or the page's position is none (400)
        :raises SnapshotHeld: inside ``with request.snapshot()``
        """
        timeout = options.pop('timeout', None)
        if options:
            raise TypeError("request.wait takes names of channels, and timeout=")
        feed, channels, ticket = self._may_wait(channels)
        self._followed = True
        before, self._unanswered = self.position, None
        if before is None:
            feed.begin_here(self)
            self._unanswered = (None,)
            return frozenset()
        news = feed.names(self, channels, feed.hold(self, channels, before, timeout, ticket))
        if news:
            self._unanswered = (before,)
        return news

    def follow(self, channels, since=None):
        """What was published on `channels` after the page's last answer, or as soon as there is something.

        The first poll of a page, which knows no position, is answered at once with a position alone (204).

        :param channels: a name, or a list of names; the controller decides who may follow what. Or a :meth:`ticket`
        :param since: the position that the page knows, if it sends it in another way than by the header
        :returns: EventBatch, a mapping: ``position`` is the position to ask from next time, ``events`` a list of
            ``{"id", "channel", "payload"}`` in the order of publishing, and ``missed`` is there (True) if events after
            the position are no longer kept
        :raises AuthenticationError: if nobody is logged in, or no longer
        :raises BadRequest: if a name can't be that of a channel, or the position is none (400)
        :raises SnapshotHeld: inside ``with request.snapshot()``
        """
        feed, channels, ticket = self._may_wait(
            [channels] if isinstance(channels, _strings + (bytes, Ticket)) else channels)
        self._followed = True
        if since is None or since == '':
            since = self.position
        if since is None:
            feed.begin_here(self)
            raise OnlyPosition()
        self._unanswered = None
        batch = feed.hold(self, channels, since, None, ticket).batch
        self._unanswered = (since,)
        return batch

    def _may_wait(self, channels):
        """The Feed, the names of the channels in it, a frozenset, and the Ticket whose they are, or None."""
        channels = list(channels)
        if len(channels) == 1 and isinstance(channels[0], Ticket):
            feed, names, ticket = self._by_ticket(channels[0])
        else:
            self._login()
            feed, names, ticket = self._database.feed, self._channels(channels), None
        if self._snapshot is not None:
            raise SnapshotHeld()
        self._busy = True
        return feed, names, ticket

    def _by_ticket(self, ticket):
        if self._ticket is None or self._ticket[0].digest != ticket.digest:
            raise ValueError("A poll follows by the ticket that request.ticket has given it last.")
        feed, most = self._ticket[1].feed, self._most_by_ticket
        if ticket.uid is None and most is not None and feed.following_by(ticket) >= most:
            raise TooManyPolls("%d polls are held by this ticket already; try again later." % most)
        return feed, ticket.channels, ticket

    @staticmethod
    def _channels(names):
        names = list(names)
        if not names:
            raise ValueError("Name at least one channel.")
        for name in names:
            if not isinstance(name, _strings + (bytes,)):
                raise ValueError("A channel is a name, not %.80r." % (name,))
        try:
            return frozenset(check_channel(name) for name in names)
        except ValueError as error:     # what is in a name may be the browser's
            raise BadRequest(str(error))

    @property
    def answered_position(self):
        """What the answer says in X-Longpolling-Position: native str, or None."""
        return str(self.position) if self._followed and self.position is not None else None

    @property
    def unanswered_position(self):
        """The same if the controller has given no answer: news that it had are news to the next poll."""
        if self._unanswered is None:
            return self.answered_position
        position = self._unanswered[0]
        return str(position) if position is not None else None

    def _call(self, model, method, args, kwargs):
        with self.snapshot() as snapshot:
            return getattr(snapshot.model(model), method)(*args, **kwargs)
