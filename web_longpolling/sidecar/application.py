# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The way of one poll, from the web server to the answer.

::

    nginx -> PollServer (wire/server.py) -> Application.respond(environ, start_response)
      metrics.answer, probe.answer       the administrator's own pages, and what `--check` asks
      Application._receive         on a fresh stack, which is not held (loop/fresh_stack.py)
        parameters.Sent            what the browser sent, not parsed: GET data=, or a body
        host.session               who asks: the host's session file, not yet verified
        Databases.meant            that session's database; held while it is loaded        503
        Application._find          the route, of the modules installed in that database    404
      disconnect, peer_watch       end all polls of the request from here on when its client is gone
      Application._open            POST to the path itself: many polls in one request, of one login
        Application._verify, Sent.parse, batch.asked, Application._find, once              400
        batch.answer               each poll in a greenlet of its own, until one is ready
      Application._poll            a poll: one timer, and what ends it as a response
        polls.admit                counted, and refused if there are too many              503
        Application._verify        the session, verified against the database
        Application._log_in        who may poll this route                                 401, 403
        Sent.parse                 the parameters, a JSON object                           400, 413
        route.controller(request, **parameters)                                            200, 204
          request.model, request.snapshot   read: one cursor of the budget a call          503
          request.wait, request.follow      held: a greenlet, and a socket a request
        request.verify_again       is the session of a held poll still good?               401
        responses.success          the return value as bytes
      Application._send            head and body, in one segment; counted until it is sent

A poll that is sent by itself is a request with one poll; it has no greenlet but that of its connection.

A step that fails raises one of ``errors.py``, which holds the status of each. Nothing of
a poll is kept on the application: what a step needs is an argument.
"""
import collections
import io
import logging

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

from .. import errors, host, routes, settings
from . import batch, log_context
from .database.database import Use
from .loop.clock import monotonic
from .loop.deadline import PollTimeout, PollTimer
from .loop.fresh_stack import run_on_fresh_stack
from .polls import PollStopped
from .request import FRESH, SINCE, OnlyPosition, Request
from .session_watch import SessionWatch
from .wire import disconnect, origin, parameters, peer_watch, responses
from .wire.parameters import Sent, misfit
from .wire.received import Received

_logger = logging.getLogger(__name__)

# Bytes of an answer that the kernel takes at once: nobody waits until its client has read it.
AT_ONCE = 65536

_UNKNOWN = "There is no such long polling route here."


class _Poll(collections.namedtuple('_Poll', 'environ request route parameters error')):
    """A poll that was received: what its controller is called with, or the PollError that it ends with.

    parameters: a dict; those of the path alone as long as what was sent is not parsed
    """

    __slots__ = ()

    @property
    def at_work(self):
        return self.request is not None and self.request.at_work


class _Received(object):
    """What a request asks for, and who asks.

    sent: the Sent that is not parsed yet, or None
    weight: bytes of memory that what was sent may take
    polls: list of _Poll; None as long as they are in what was sent
    database, session: who asks, if anybody; `stranger`: the page is another user's; `foreign`: another site's
    who: (database, user) if the session is good, for the log; None if not
    good, verified: whether the session is, and when the database was asked on the monotonic clock
    """

    __slots__ = ('sent', 'weight', 'polls', 'database', 'session', 'stranger', 'foreign', 'good', 'verified')

    def __init__(self, sent, weight, database, session, foreign):
        self.sent = sent
        self.weight = weight
        self.polls = None
        self.database = database
        self.session = session
        self.stranger = False
        self.foreign = foreign
        self.good = False
        self.verified = None

    @property
    def key(self):
        return self.session.key if self.session is not None else None

    @property
    def who(self):
        return (self.session.db, self.session.uid) if self.good else None


def _environ_of(asked, environ):
    """Make `environ`, that of the whole request, the one of a poll of it; return it."""
    address, _, query = asked.path.partition('?')
    path = environ['PATH_INFO'].encode('latin-1') if bytes is not str else environ['PATH_INFO']
    path += parameters.unquoted(address)
    environ['PATH_INFO'] = path.decode('latin-1') if bytes is not str else path
    environ['QUERY_STRING'] = str(query)
    environ['wsgi.input'] = io.BytesIO()
    environ['CONTENT_LENGTH'] = '0'
    environ.pop(SINCE, None)
    if asked.since:
        environ[SINCE] = str(asked.since)
    return environ


class Application(object):
    """The WSGI application of the sidecar."""

    def __init__(self, databases, timeout, polls, watched, metrics, probe):
        """
        :param databases: the Databases of this process
        :param timeout: seconds after which a poll without news is answered with 204
        :param polls: the Polls of this process
        :param watched: the PeerWatch of this process
        :param metrics: the Metrics of this process
        :param probe: the Probe of this process
        """
        self._databases = databases
        self._timeout = timeout
        self._polls = polls
        self._watched = watched
        self._metrics = metrics
        self._probe = probe
        self._session_watch = SessionWatch()
        self._path = settings.read('longpolling_path')
        self._most_by_ticket = settings.read('longpolling_max_held_per_session')

    def respond(self, environ, start_response):
        """The WSGI callable."""
        answer = self._metrics.answer(environ['PATH_INFO']) or self._probe.answer(environ)
        if answer is None:
            ends = monotonic() + self._timeout
            received = self._outcome(ends, environ, None, run_on_fresh_stack, self._receive, environ)
            if not isinstance(received, _Received):
                return self._send(self._refuse(None, received), environ, start_response)
            environ['longpolling.session'] = received.key
            try:
                with disconnect.EndsPoll(environ['longpolling.incoming']), Use(received.database), \
                        self._watched.ends_poll(environ.get(peer_watch.HEADER)):
                    if received.polls is not None:
                        answer = self._poll(ends, received.polls[0], received)
                    else:
                        answer = self._answer_many(ends, environ, received)
            except peer_watch.BrowserDisconnected:
                answer = responses.NO_CONTENT       # lets go of the dispatcher
            finally:
                environ['longpolling.who'] = received.who
        return self._send(answer, environ, start_response)

    def _answer_many(self, ends, environ, received):
        """The answer to a request to the long polling path itself."""
        try:
            with self._polls.weigh(received.key, received.weight):
                received.weight = 0
                several = self._outcome(ends, environ, None, self._open, environ, received)
                if isinstance(several, responses.Answer):
                    return self._refuse(received.database, several)
                if several:
                    return batch.answer(received.polls, lambda poll: self._poll(ends, poll, received))
                return self._poll(ends, received.polls[0], received)
        except errors.TooManyPolls as error:
            return self._refuse(received.database, responses.failure(error))

    def _refuse(self, database, answer):
        self._metrics.answered(None, database, answer)
        return answer

    @staticmethod
    def _outcome(ends, environ, request, step, *arguments):
        """What ``step(*arguments)`` returns, or the Answer to what ends it.

        :param ends: when the poll's time is over, on the monotonic clock
        :param request: the poll's Request, if it is known already
        """
        try:
            with PollTimer(max(ends - monotonic(), 0.001)) as timer:
                if request is not None:
                    request.timer = timer
                return step(*arguments)
        except PollTimeout as end:
            return responses.failure(end.cause) if end.cause is not None else responses.NO_CONTENT
        except PollStopped:
            return responses.failure(errors.Stopping("This server is stopping; poll again."))
        except errors.PollError as error:
            return responses.failure(error)
        except HTTPException as error:      # a controller's own abort(403), or abort(Response(…))
            try:
                return responses.of_abort(error)
            except responses.NotSendable as problem:
                return Application._not_sendable(environ, request, problem)
        except responses.NotSendable as problem:
            return Application._not_sendable(environ, request, problem)
        except Exception:
            _logger.exception("The poll of %r failed", environ.get('PATH_INFO', ''), extra=log_context.of(request))
            return responses.INTERNAL_ERROR

    @staticmethod
    def _not_sendable(environ, request, problem):
        _logger.error("The poll of %r failed: its controller returned %s", environ.get('PATH_INFO', ''), problem,
                      extra=log_context.of(request))
        return responses.INTERNAL_ERROR

    def _poll(self, ends, poll, received):
        """The answer to one poll, counted under its route."""
        self._metrics.started(poll.route, received.database)
        try:
            answer = self._outcome(ends, poll.environ, poll.request, self._run, poll, received)
        except batch.NotReady:
            self._metrics.put_off(poll.route, received.database)
            raise
        except disconnect.ClientDisconnected:
            self._metrics.gone(poll.route, received.database)
            raise
        self._metrics.answered(poll.route, received.database, answer)
        return answer

    def _run(self, poll, received):
        if poll.error is not None:
            raise poll.error
        request, route = poll.request, poll.route
        with self._polls.admit(request, received.key, received.weight):
            if received.verified is None:
                self._verify(received)
            self._log_in(request, route, received)
            arguments = poll.parameters
            if received.sent is not None:
                sent, received.sent = received.sent, None       # it is not held with the poll
                arguments = dict(run_on_fresh_stack(self._parse, sent), **arguments)
                sent = None
            try:
                value = route.controller(request, **arguments)
            except (TypeError, UnicodeError):
                reason = misfit(route.controller, arguments)
                if reason:
                    raise errors.BadRequest("The parameters do not fit this route: %.200s." % reason)
                raise
            except OnlyPosition:
                return responses.no_content(request.answered_position)
            except PollTimeout as timeout:
                if timeout.cause is not None:
                    raise
                return responses.no_content(request.unanswered_position)
            request.verify_again(older_than=FRESH)
            answer = responses.success(route.mode, value, host.adapter().json_default, request.answered_position)
        if request.notified_at is not None:
            self._metrics.notify_to_answer.observe(monotonic() - request.notified_at)
        return answer

    @staticmethod
    def _parse(sent, texts=True):
        """The parameters. Only now, when route and login are known, is what was sent parsed."""
        parsed = sent.parse(texts)
        name = host.adapter().SESSION_PARAMETER
        if name is not None:
            claimed = parsed.pop(name, None)
            if claimed != sent.peeked is not None:
                raise errors.BadRequest("What was sent names two sessions: leave the other %s out." % name)
        return parsed

    def _receive(self, environ):
        """Who asks for what, as _Received."""
        request = Received(environ)
        if request.method not in ('GET', 'POST'):
            raise errors.MethodNotAllowed("A poll is sent with GET or POST.")
        sent = Sent(request)
        session = self._look_for_session(request, sent)
        received = _Received(sent, sent.weight() + environ['longpolling.head_bytes'],
                             self._database(session, request, sent), session, origin.is_foreign(environ))
        if request.method == 'GET' or request.path != self._path:
            received.polls = self._find([(environ, request.path, {})], received.database)
        return received

    def _look_for_session(self, request, sent):
        try:
            session = self._session(request, sent)
        except errors.Unavailable:
            self._session_watch.unreadable()
            raise
        self._session_watch.looked(request.cookies.get(host.adapter().SESSION_COOKIE), session)
        return session

    @staticmethod
    def _session(request, sent):
        name = host.adapter().SESSION_PARAMETER
        arguments = request.args if request.environ.get('QUERY_STRING') else {}     # werkzeug parses even nothing
        claimed = sent.peek(name) if name is not None and name not in arguments else []
        for each in claimed or [None]:
            key = host.adapter().session_key(request.cookies, arguments, {name: each} if each else {})
            session = host.adapter().session(key) if key else None
            if session is not None:
                sent.peeked = each
                return session
        return None

    def _database(self, session, request, sent):
        """The Database that is asked, None if there is none; it is loaded, unless its polls are to be refused."""
        for database in self._databases.meant(session, request.cookies, sent.tokens,
                                              request.environ.get('HTTP_HOST', '')):
            if database.registry.loaded or not self._databases.on_demand:
                return database
            with disconnect.EndsPoll(request.environ['longpolling.incoming']), Use(database):
                if database.is_served():
                    return database
        return None

    def _open(self, environ, received):
        """Find the polls in what was sent to the long polling path itself; whether it may be several.

        The session is verified before anything is parsed.
        """
        self._verify(received)
        # One poll's odd text is no fault of the others.
        sent, received.sent = run_on_fresh_stack(self._parse, received.sent, False), None
        if 'polls' not in sent:
            parameters.check_texts(sent)
            received.polls = self._find([(environ, Received(environ).path, sent)], received.database)
            return False
        asked, rest = batch.asked(sent)
        if received.session is not None and not self._is_page_of(received.session, rest):
            received.stranger, received.good = True, False
        lone = len(asked) == 1
        received.polls = self._find([
            each if isinstance(each, errors.PollError) else self._asked(each, environ if lone else dict(environ))
            for each in asked], received.database if not received.stranger else None)
        return True

    @staticmethod
    def _asked(asked, environ):
        environ = _environ_of(asked, environ)
        return environ, Received(environ).path, asked.parameters

    @staticmethod
    def _is_page_of(session, sent):
        """Whether the page that asks was made for the user who is logged in in its browser now."""
        return sent.get('uid', session.uid) == session.uid and sent.get('db', session.db) == session.db

    def _find(self, asked, database):
        """The polls, each with its route among the modules installed in `database`.

        :param asked: list of (environ, path, parameters), or of a PollError
        """
        polls = [self._found(each, database) for each in asked]
        if database and any(isinstance(poll.error, errors.UnknownRoute) for poll in polls):
            # Perhaps its module was installed a moment ago.
            if database.check_signaling():
                polls = [self._found(each, database) for each in asked]
        return polls

    def _found(self, asked, database):
        if isinstance(asked, errors.PollError):
            return _Poll({}, None, None, None, asked)
        environ, path, sent = asked
        # The controller gets a Request of its own: what was parsed to get here need not be held with it.
        try:
            route, variables = self._match(path, database)
        except errors.PollError as error:
            return _Poll(environ, None, None, None, error)
        request = Request(environ, route, database, self._databases, self._most_by_ticket)
        return _Poll(environ, request, route, dict(sent, **variables), None)

    def _match(self, path, database):
        """The route and its variables, among the modules of `database`, or of all if there is none."""
        if database:
            served, modules = [database], database.modules()
        else:
            served = [each for each in self._databases.list() if each.registry.loaded]
            modules = frozenset().union(*[each.modules() for each in served])
        try:
            return routes.table.match(modules, path)
        except (NotFound, RequestRedirect, MethodNotAllowed):
            if not database and not self._databases.complete:
                raise errors.DatabaseUnavailable("perhaps the route is one of a database that is out of reach")
            raise errors.UnknownRoute(_UNKNOWN)

    @staticmethod
    def _verify(received):
        """Ask the database whether the session is good, once for all polls."""
        received.verified = monotonic()
        if received.database and received.session is not None and not received.foreign:
            received.good = received.database.sessions.log_in(received.session)

    @staticmethod
    def _log_in(request, route, received):
        if received.foreign and route.mustbeauthenticated:
            raise errors.Forbidden("A page of another site may not poll with this user's login.")
        if received.good:
            request.log_in(received.database, received.session, received.verified)
            if route.module not in received.database.modules():     # it was removed, as the database has just said
                raise errors.UnknownRoute(_UNKNOWN)
        elif route.mustbeauthenticated and received.stranger:
            raise errors.AuthenticationError("Another user is logged in by now; open the page again.")
        elif route.mustbeauthenticated:
            raise errors.AuthenticationError("Nobody is logged in, or the session has ended; log in again.")

    def _send(self, answer, environ, start_response):
        start_response(answer.status, answer.headers)
        if len(answer.body) < AT_ONCE:
            return [answer.body]
        return self._polls.sending(environ.get('longpolling.session'), answer.body)
