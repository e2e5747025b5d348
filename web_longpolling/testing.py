# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Calling a controller as a poll of a given user, in the unit tests of an addon.

::

    from openerp.addons.web_longpolling.testing import poll

    first = poll(cr, uid, '/messages')                          # as a page's first poll
    ...                                                         # model code that publishes
    answer = poll(cr, uid, '/messages', since=first.position)   # as its next one
    assert (answer.status, answer.result) == (200, 5)

The controller runs in the test's own transaction, so it sees what the test has written; what it writes itself is taken
back. A poll that would be held is answered at once, since nothing can happen meanwhile: with 204, as after the timeout.
Neither a sidecar nor gevent is needed.
"""
import collections
import contextlib
import json

import werkzeug.exceptions
import werkzeug.test
import werkzeug.wrappers

from . import host, publishing, routes, settings
from .errors import AuthenticationError, BadRequest, Gone, SnapshotHeld
from .tickets import taken_apart

_PREFIX = 'testing.'

_LAST = "SELECT COALESCE(max(id), 0) FROM longpolling_event"
_NEWER = """
    SELECT id, channel, COALESCE(payload, 'null') FROM longpolling_event
    WHERE id > %s AND channel = ANY(%s) ORDER BY id"""
_TICKET = ("SELECT uid, channels FROM longpolling_ticket "
           "WHERE digest = %s AND expires > (clock_timestamp() AT TIME ZONE 'UTC')")
# Of several signals in one transaction the feed keeps one, and here all is one transaction: the next is another one.
_SEEN = "UPDATE longpolling_event SET payload = 'null' WHERE payload IS NULL AND txid = txid_current()"


class Answer(collections.namedtuple('Answer', 'status result position held_on')):
    """What a page gets.

    status: 200, or 204 when there is nothing but a position
    result: what the success callback is called with; in mode 'http' the text, or the controller's werkzeug Response
    position: text, for `since` of the next poll; None if the controller has waited for nothing
    held_on: list of the names of the channels that a held poll waits for; None of one that is answered
    """

    __slots__ = ()


class _Ticket(frozenset):
    """What ``request.ticket`` gives here: the names of its channels."""


class _Held(BaseException):
    """The controller waits for news that can't come. No ``except Exception`` of its own may keep it."""

    def __init__(self, channels=None):
        BaseException.__init__(self)
        self.channels = channels


class _Request(werkzeug.wrappers.Request):
    """What the controller is given, in all that a test can see the same as the sidecar's."""

    def __init__(self, environ, cr, uid, context, position):
        werkzeug.wrappers.Request.__init__(self, environ)
        self._cr = cr
        self._uid = uid
        self._context = context
        self._in_snapshot = False
        self._waited = False        # for a while, without news: it would wait for ever
        self.position = position
        self.followed = False

    def _login(self):
        if self._uid is None:
            raise AuthenticationError("Nobody is logged in, or the session has ended; log in again.")

    @property
    def uid(self):
        self._login()
        return self._uid

    @property
    def context(self):
        self._login()
        return dict(self._context)

    @property
    def db(self):
        self._login()
        return self._cr.dbname

    @property
    def cr(self):
        return self._cr

    @property
    def env(self):
        return host.adapter().environment(self._cr, self._uid, self._context)

    def model(self, name):
        self._login()
        return _Model(self._cr, self._uid, name)

    @contextlib.contextmanager
    def snapshot(self):
        self._login()
        before, self._in_snapshot = self._in_snapshot, True
        try:
            yield self
        finally:
            self._in_snapshot = before

    def ticket(self, token):
        parts = taken_apart(token)
        self._cr.execute(_TICKET, (parts and parts[1],))
        rows = self._cr.fetchall()
        if not rows:
            raise Gone("There is no such ticket, or no longer.")
        [(uid, channels)] = rows
        if uid is not None:
            self._login()
            if uid != self._uid:
                raise Gone("It is another user's ticket.")
        return _Ticket(str(channel) for channel in json.loads(channels))

    def wait(self, *channels, **options):
        channels = channels[0] if len(channels) == 1 and isinstance(channels[0], _Ticket) else channels
        found = self._events(channels, self.position)
        if found is None:
            return frozenset()
        if not found and options.get('timeout') is not None and not self._waited:
            self._waited = True
            return frozenset()
        if not found:
            raise _Held(sorted(channels))
        return frozenset(channel for _, channel, _ in found)

    def follow(self, channels, since=None):
        if not isinstance(channels, _Ticket):
            channels = [channels] if not isinstance(channels, (list, tuple, set, frozenset)) else list(channels)
        found = self._events(channels, since or self.position)
        if found is None:
            raise _Held()
        if not found:
            raise _Held(sorted(channels))
        events = [{'id': number, 'channel': channel, 'payload': json.loads(payload)}
                  for number, channel, payload in found]
        return {'position': self.position, 'events': events}

    def _events(self, channels, since):
        """The rows that are new; None at a page's first poll."""
        if not isinstance(channels, _Ticket):
            self._login()
        if self._in_snapshot:
            raise SnapshotHeld()
        if not channels:
            raise ValueError("Name at least one channel.")
        channels = [publishing.check_channel(channel) for channel in channels]
        self.followed = True
        found = None
        if since is not None:
            if not since.startswith(_PREFIX) or not since[len(_PREFIX):].isdigit():
                raise BadRequest("This is no position of testing.poll: %.80r." % since)
            self._cr.execute(_NEWER, (int(since[len(_PREFIX):]), channels))
            found = self._cr.fetchall()
        self._cr.execute(_LAST)
        self.position = _PREFIX + str(self._cr.fetchone()[0])
        return found


class _Model(object):
    def __init__(self, cr, uid, name):
        self._of = cr, uid, name

    def __getattr__(self, method):
        if method.startswith('_'):
            raise AttributeError("%s is private: a controller calls what an RPC may call." % method)
        cr, uid, name = self._of
        return lambda *args, **kwargs: host.adapter().call(cr, uid, name, method, args, kwargs)


def poll(cr, uid, path, params=None, since=None, context=None):
    """Call a controller as a poll of user `uid`.

    :param cr: the cursor of the test
    :param uid: id of the user; None for a page without a login
    :param path: of the route, with its variables and without the long polling path, such as '/room/5'
    :param params: dict of the page's parameters
    :param since: the position of the page's last answer; None for its first poll
    :param context: the user's context
    :returns: Answer
    :raises AuthenticationError: without a user, if the route needs one
    :raises LookupError: if there is no such route
    :raises Exception: whatever the controller raises
    """
    route, variables = _find(path)
    if route.mustbeauthenticated and uid is None:
        raise AuthenticationError("Nobody is logged in, or the session has ended; log in again.")
    environ = werkzeug.test.EnvironBuilder(path=settings.read('longpolling_path') + path, method='POST').get_environ()
    request = _Request(environ, cr, uid, context or {}, since)
    adapter = host.adapter()
    adapter.flush(cr)
    cr.execute('SAVEPOINT longpolling_testing')
    try:
        result, status, held_on = route.controller(request, **dict(params or {}, **variables)), 200, None
        adapter.flush(cr)
    except _Held as held:
        result, status, held_on = None, 204, held.channels
    finally:
        cr.execute('ROLLBACK TO SAVEPOINT longpolling_testing')
        env = adapter.environment(cr, uid, {})
        if env is not None:
            env.invalidate_all(flush=False)
    cr.execute(_SEEN)
    if status == 200 and route.mode == 'json':      # as the page gets it
        result = json.loads(json.dumps(result, default=adapter.json_default, allow_nan=False))
    return Answer(status, result, request.position if request.followed else since, held_on)


def _find(path):
    try:
        return routes.table.url_map(frozenset(routes.table.modules)).bind('localhost').match(
            settings.read('longpolling_path') + path)
    except werkzeug.exceptions.HTTPException:
        raise LookupError("No addon that is loaded declares the route %r." % path)
