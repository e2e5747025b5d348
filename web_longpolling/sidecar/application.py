# -*- coding: utf-8 -*-
"""The way of one poll, from the web server to the answer.

::

    nginx -> PollServer (wire/server.py) -> Application.respond(environ, start_response)
      Application._receive         on a fresh stack, which is not held (loop/fresh_stack.py)
        parameters.read            what the browser sent: GET data=, or a JSON body        400, 413
        batch.asked                a body with "polls": many of them, in one request       400
        host.session               who asks: the host's session file, not yet verified
        Application._find          the routes, of the modules installed in that database   404
      disconnect, peer_watch       end all polls of the request from here on when its client is gone
      database.verify              the session, verified against the database, once        401, 403
      batch.answer                 each poll in a greenlet of its own, until one is ready
        Application._poll          a poll: one timer, and what ends it as a response
          polls.admit              counted, and refused if there are too many              503
          route.controller(request, **parameters)                                          200, 204
            request.model, request.snapshot   read: one cursor of the budget a call        503
            request.wait, request.follow      held: a greenlet, and a socket a request
          request.verify_again     is the session of a held poll still good?               401
          responses.success        the return value as bytes
      Application._send            head and body, in one segment

A poll that is sent by itself is a request with one poll; it has no greenlet but that of its connection.

A step that fails raises one of ``errors.py``, which holds the status of each. Nothing of
a poll is kept on the application: what a step needs is an argument.
"""
import collections
import io
import logging

import werkzeug.wrappers
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

from .. import errors, host, routes, settings
from . import batch
from .loop.clock import monotonic
from .loop.deadline import PollTimeout, PollTimer
from .loop.fresh_stack import run_on_fresh_stack
from .polls import PollStopped
from .request import FRESH, SINCE, OnlyPosition, Request
from .wire import disconnect, parameters, peer_watch, responses
from .wire.parameters import misfit

_logger = logging.getLogger(__name__)

_UNKNOWN = "There is no such long polling route here."


class _Poll(collections.namedtuple('_Poll', 'environ request route parameters error')):
    """A poll that was received: what its controller is called with, or the PollError that it ends with."""

    __slots__ = ()

    @property
    def at_work(self):
        return self.request is not None and self.request.at_work


class _Received(object):
    """What a request asks for.

    batch: whether it carries "polls"
    polls: list of _Poll
    database, session: who asks, if anybody; `stranger`: the page is another user's
    good, verified: whether the session is, and when the database was asked on the monotonic clock
    """

    __slots__ = ('batch', 'polls', 'database', 'session', 'stranger', 'good', 'verified')

    def __init__(self, is_batch, polls, database, session, stranger=False):
        self.batch = is_batch
        self.polls = polls
        self.database = database
        self.session = session
        self.stranger = stranger
        self.good = False
        self.verified = None


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

    def __init__(self, databases, timeout, polls, watched, metrics):
        """
        :param databases: dict of the served Databases by name
        :param timeout: seconds after which a poll without news is answered with 204
        :param polls: the Polls of this process
        :param watched: the PeerWatch of this process
        :param metrics: the Metrics of this process
        """
        self._databases = databases
        self._timeout = timeout
        self._polls = polls
        self._watched = watched
        self._metrics = metrics

    def respond(self, environ, start_response):
        """The WSGI callable."""
        answer = self._metrics.answer(environ['PATH_INFO'])
        if answer is None:
            try:
                answer = self._answer(environ)
            except peer_watch.BrowserDisconnected:
                answer = responses.NO_CONTENT       # lets go of the dispatcher
        return self._send(answer, environ, start_response)

    def _answer(self, environ):
        ends = monotonic() + self._timeout
        received = self._outcome(ends, environ, None, run_on_fresh_stack, self._receive, environ)
        if not isinstance(received, _Received):
            self._metrics.answered(None, None, received)
            return received
        with disconnect.EndsPoll(environ['longpolling.socket']), \
                self._watched.ends_poll(environ.get(peer_watch.HEADER)):
            refused = self._outcome(ends, environ, None, self._verify, received)
            if refused is not None:
                self._metrics.answered(None, received.database, refused)
                return refused
            if received.batch:
                return batch.answer(received.polls, lambda poll: self._poll(ends, poll, received))
            return self._poll(ends, received.polls[0], received)

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
        except HTTPException as error:      # a controller's own abort(403)
            return responses.refusal(error.code, error.description or error.name)
        except Exception:
            _logger.exception("The poll of %r failed", environ.get('PATH_INFO', ''))
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
        self._log_in(request, route, received)
        with self._polls.admit(request):
            try:
                value = self._call(route.controller, request, poll.parameters)
            except OnlyPosition:
                return responses.no_content(request.answered_position)
            except PollTimeout as timeout:
                if timeout.cause is not None:
                    raise
                return responses.no_content(request.answered_position)
            request.verify_again(older_than=FRESH)
        if request.notified_at is not None:
            self._metrics.notify_to_answer.observe(monotonic() - request.notified_at)
        return responses.success(route.mode, value, host.adapter().json_default, request.answered_position)

    @staticmethod
    def _call(controller, request, sent):
        try:
            return controller(request, **sent)
        except (TypeError, UnicodeError):
            reason = misfit(controller, request, sent)
            if reason:
                raise errors.BadRequest("The parameters do not fit this route: %s." % reason)
            raise

    def _receive(self, environ):
        """Who asks for what, as _Received."""
        received = werkzeug.wrappers.Request(environ)
        if received.method not in ('GET', 'POST'):
            raise errors.MethodNotAllowed("A poll is sent with GET or POST.")
        sent = parameters.read(received)
        session = self._session(received, sent)
        if 'polls' not in sent or received.path != settings.read('longpolling_path'):
            database = self._database(session)
            return _Received(False, self._find([(environ, sent)], database), database, session)
        asked, sent = batch.asked(sent)
        stranger = session is not None and not self._is_page_of(session, sent)
        if stranger:
            session = None
        database = self._database(session)
        lone = len(asked) == 1
        polls = self._find([each if isinstance(each, errors.PollError) else
                            (_environ_of(each, environ if lone else dict(environ)), each.parameters)
                            for each in asked], database)
        return _Received(True, polls, database, session, stranger)

    @staticmethod
    def _is_page_of(session, sent):
        """Whether the page that asks was made for the user who is logged in in its browser now."""
        return sent.get('uid', session.uid) == session.uid and sent.get('db', session.db) == session.db

    @staticmethod
    def _session(request, sent):
        key = host.adapter().session_key(request.cookies, request.args, sent)
        return host.adapter().session(key) if key else None

    def _database(self, session):
        return self._databases.get(session.db) if session else None

    def _find(self, asked, database):
        """The polls, each with its route among the modules installed in `database`.

        :param asked: list of (environ, parameters), or of a PollError
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
        environ, sent = asked
        # The controller gets a Request of its own: what was parsed to get here need not be held with it.
        try:
            route, variables = self._match(werkzeug.wrappers.Request(environ).path, database)
        except errors.PollError as error:
            return _Poll(environ, None, None, None, error)
        return _Poll(environ, Request(environ, route), route, dict(sent, **variables), None)

    def _match(self, path, database):
        """The route and its variables, among the modules of `database`, or of all if there is none."""
        served = [database] if database else [each for each in self._databases.values() if each.registry.loaded]
        modules = frozenset().union(*[each.modules() for each in served])
        try:
            # Not bind_to_environ: a malformed Host header, which no route looks at, would be a failure.
            return routes.table.url_map(modules).bind('localhost').match(path)
        except (NotFound, RequestRedirect, MethodNotAllowed):
            if not database and len(served) < len(self._databases):
                raise errors.DatabaseUnavailable("perhaps the route is one of a database that is out of reach")
            raise errors.UnknownRoute(_UNKNOWN)

    @staticmethod
    def _verify(received):
        """Ask the database whether the session is good, once for all polls."""
        if received.database and any(poll.error is None for poll in received.polls):
            received.verified = monotonic()
            received.good = received.database.sessions.log_in(received.session)

    @staticmethod
    def _log_in(request, route, received):
        if route.mustbeauthenticated and request.headers.get('Sec-Fetch-Site') == 'cross-site':
            raise errors.Forbidden("A page of another site may not poll with this user's login.")
        if received.good:
            request.log_in(received.database, received.session, received.verified)
            if route.module not in received.database.modules():     # it was removed, as the database has just told
                raise errors.UnknownRoute(_UNKNOWN)
        elif route.mustbeauthenticated and received.stranger:
            raise errors.AuthenticationError("Another user is logged in by now; open the page again.")
        elif route.mustbeauthenticated:
            raise errors.AuthenticationError("Nobody is logged in, or the session has ended; log in again.")

    @staticmethod
    def _send(answer, environ, start_response):
        if not isinstance(answer, responses.Answer):
            return answer(environ, start_response)      # a controller's own werkzeug Response
        start_response(answer.status, answer.headers)
        return [answer.body]
