# -*- coding: utf-8 -*-
"""The way of one poll, from the web server to the answer.

::

    nginx -> PollServer (wire/server.py) -> Application.respond(environ, start_response)
      Application._poll            starts the poll's one timer, turns what ends it into a response
        Application._answer
          Application._receive     on a fresh stack, which is not held (loop/fresh_stack.py)
            parameters.Sent        what the browser sent, not parsed: GET data=, or a body
            host.session           who asks: the host's session file, not yet verified
            Application._database  the session's database, if this sidecar serves it
            Application._find      the route, of the modules installed in that database  404
          disconnect, peer_watch   end the poll from here on when its client is gone
          polls.admit              counted, and refused if there are too many            413, 503
          Application._log_in      the session, verified against the database            401, 403
          Sent.parse               the parameters, a JSON object                         400
          route.controller(request, **parameters)                                        200, 204
            request.model, request.snapshot   read: one cursor of the budget a call      503
            request.wait, request.follow      held: a greenlet and a socket
          request.verify_again     is the session of a held poll still good?             401
          responses.success        the return value as bytes
      Application._send            head and body, in one segment; counted until it is sent

A step that fails raises one of ``errors.py``, which holds the status of each. Nothing of
a poll is kept on the application: what a step needs is an argument.
"""
import logging

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

from .. import errors, host, routes
from .loop.clock import monotonic
from .loop.deadline import PollTimeout, PollTimer
from .loop.fresh_stack import run_on_fresh_stack
from .polls import PollStopped
from .request import FRESH, OnlyPosition, Request
from .wire import disconnect, origin, peer_watch, responses
from .wire.parameters import Sent, misfit
from .wire.received import Received

_logger = logging.getLogger(__name__)

# Bytes of an answer that the kernel takes at once: nobody waits until its client has read it.
AT_ONCE = 65536

_UNKNOWN = "There is no such long polling route here."


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
            self._metrics.started.inc()
            try:
                answer = self._poll(environ)
            except peer_watch.BrowserDisconnected:
                self._metrics.gone.inc()
                return self._send(responses.NO_CONTENT, environ, start_response)     # lets go of the dispatcher
            except disconnect.ClientDisconnected:
                self._metrics.gone.inc()
                raise
            self._metrics.answered.labels(answer.status.split()[0]).inc()
        return self._send(answer, environ, start_response)

    def _poll(self, environ):
        try:
            with PollTimer(self._timeout) as timer:
                return self._answer(environ, timer)
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
                return self._not_sendable(environ, problem)
        except responses.NotSendable as problem:
            return self._not_sendable(environ, problem)
        except Exception:
            _logger.exception("The poll of %r failed", environ.get('PATH_INFO', ''))
            return responses.INTERNAL_ERROR

    @staticmethod
    def _not_sendable(environ, problem):
        _logger.error("The poll of %r failed: its controller returned %s", environ.get('PATH_INFO', ''), problem)
        return responses.INTERNAL_ERROR

    def _answer(self, environ, timer):
        request, route, variables, sent, database, session = run_on_fresh_stack(self._receive, environ)
        request.timer = timer
        with disconnect.EndsPoll(environ['longpolling.incoming']), \
                self._watched.ends_poll(environ.get(peer_watch.HEADER)):
            key = environ['longpolling.session'] = session.key if session else None
            with self._polls.admit(request, key, sent.weight() + environ['longpolling.head_bytes']):
                self._log_in(request, route, database, session)
                parsed = run_on_fresh_stack(self._parse, sent, variables)
                try:
                    value = self._call(route.controller, request, parsed)
                except OnlyPosition:
                    return responses.no_content(request.answered_position)
                except PollTimeout as timeout:
                    if timeout.cause is not None:
                        raise
                    return responses.no_content(request.answered_position)
                request.verify_again(older_than=FRESH)
                answer = responses.success(route.mode, value, host.adapter().json_default, request.answered_position)
        if request.notified_at is not None:
            self._metrics.notify_to_answer.observe(monotonic() - request.notified_at)
        return answer

    @staticmethod
    def _parse(sent, variables):
        """The controller's parameters. Only now, when route and login are known, is what was sent parsed."""
        parsed = sent.parse()
        name = host.adapter().SESSION_PARAMETER
        if name is not None:
            claimed = parsed.pop(name, None)
            if claimed != sent.peeked is not None:
                raise errors.BadRequest("What was sent must have no other member named %s before its own." % name)
        parsed.update(variables)
        return parsed

    @staticmethod
    def _call(controller, request, sent):
        try:
            return controller(request, **sent)
        except (TypeError, UnicodeError):
            reason = misfit(controller, request, sent)
            if reason:
                raise errors.BadRequest("The parameters do not fit this route: %.200s." % reason)
            raise

    def _receive(self, environ):
        """Who asks for what: Request, Route, its variables and Sent; Database and Session, or None and None."""
        received = Received(environ)
        if received.method not in ('GET', 'POST'):
            raise errors.MethodNotAllowed("A poll is sent with GET or POST.")
        sent = Sent(received)
        session = self._session(received, sent)
        database = self._database(session)
        route, variables = self._find(received.path, database)
        # The controller gets a Request of its own: what was parsed to get here need not be held with it.
        return Request(environ), route, variables, sent, database, session

    @staticmethod
    def _session(request, sent):
        name = host.adapter().SESSION_PARAMETER
        told = {name: sent.peek(name)} if name is not None and name not in request.args else {}
        key = host.adapter().session_key(request.cookies, request.args, told)
        return host.adapter().session(key) if key else None

    def _database(self, session):
        return self._databases.get(session.db) if session else None

    def _find(self, path, database):
        try:
            return self._match(path, database)
        except errors.UnknownRoute:
            # Perhaps its module was installed a moment ago.
            if not database or not database.check_signaling():
                raise
            return self._match(path, database)

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
    def _log_in(request, route, database, session):
        foreign = origin.is_foreign(request.environ)
        if foreign and route.mustbeauthenticated:
            raise errors.Forbidden("A page of another site may not poll with this user's login.")
        if database and not foreign and request.log_in(database, route, session):
            if route.module not in database.modules():      # it was removed, as the database has just told
                raise errors.UnknownRoute(_UNKNOWN)
            return
        if route.mustbeauthenticated:
            raise errors.AuthenticationError("Nobody is logged in, or the session has ended; log in again.")

    def _send(self, answer, environ, start_response):
        start_response(answer.status, answer.headers)
        if len(answer.body) < AT_ONCE:
            return [answer.body]
        return self._polls.sending(environ.get('longpolling.session'), answer.body)
