# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The ways a poll can end without an answer: one class an outcome, with its HTTP status as ``code``.

All of them are plain Python, so the host may import them without gevent.
"""

# Seconds after which a browser may try again when something was exhausted.
RETRY_AFTER = 2


class ConfigurationError(Exception):
    """A setting or an argument is wrong. Stops the start with its sentence."""


class PollError(Exception):
    """Base of what a poll can end with. Its text is shown to the browser.

    code: the HTTP status
    headers: further headers of the response, a tuple of (name, value), native str
    """

    code = None
    headers = ()


class BadRequest(PollError):
    """The request itself is malformed: 400."""

    code = 400


class AuthenticationError(PollError, AttributeError):
    """Nobody is logged in, or the session has ended: 401.

    It is an AttributeError as well, so that a controller of a public route can ask
    ``hasattr(request, 'uid')`` whether somebody is logged in.
    """

    code = 401


class Forbidden(PollError):
    """Another site's page sent this along with the user's cookie, or the user may not read what it asks for: 403."""

    code = 403


class UnknownRoute(PollError):
    """No installed module declares this path: 404."""

    code = 404


class MethodNotAllowed(PollError):
    """Neither GET nor POST: 405."""

    code = 405
    headers = (('Allow', 'GET, POST'),)


class Gone(PollError):
    """The ticket has expired, was revoked, is somebody else's, or never was one: 410. The host gives another."""

    code = 410


class TooSlow(PollError):
    """The request did not arrive in time: 408, and the connection is closed."""

    code = 408
    headers = (('Connection', 'close'),)


class TooLarge(PollError):
    """The body or the parameters are larger than a poll may send: 413."""

    code = 413


class LineTooLong(PollError):
    """The request line is longer than a server must understand: 414."""

    code = 414


class HeadTooLarge(PollError):
    """The header lines are larger than any dispatcher lets them be: 431."""

    code = 431


class VersionNotSupported(PollError):
    """Another version of HTTP: 505."""

    code = 505


class Unavailable(PollError):
    """Something is exhausted or out of reach just now: 503 with Retry-After."""

    code = 503
    headers = (('Retry-After', str(RETRY_AFTER)),)


class BudgetExhausted(Unavailable):
    """No cursor of the budget became free so early that the poll could have read until its timeout: 503."""


class ReadCutOff(Unavailable):
    """A read took longer than the poll lasts, or than PostgreSQL allows: 503."""


class DatabaseUnavailable(Unavailable):
    """PostgreSQL does not answer, or the database is gone: 503.

    reason: what PostgreSQL says, for the administrator alone
    """

    def __init__(self, reason):
        Unavailable.__init__(self, "The database does not answer just now; try again.")
        self.reason = reason


class TooManyPolls(Unavailable):
    """As many polls are held as may be, by all or by one session: 503."""

    headers = Unavailable.headers + (('Connection', 'close'),)


class TooManyDatabases(Unavailable):
    """As many databases are loaded, or in use, as may be: 503."""


class Stopping(Unavailable):
    """The sidecar is going down; another one may answer at once: 503."""

    headers = Unavailable.headers + (('X-Longpolling', 'stopping'), ('Connection', 'close'))


class ReadOnlyError(Exception):
    """A controller tried to write: 500, and the log names the rule."""

    RULE = ("A long polling controller may not write to the database: its transactions are "
            "READ ONLY and rolled back. Write with an ordinary RPC, for instance in the "
            "browser's success callback.")

    def __init__(self):
        Exception.__init__(self, self.RULE)


class SnapshotHeld(RuntimeError):
    """A controller tried to wait for news inside an open snapshot: 500."""

    def __init__(self):
        RuntimeError.__init__(
            self, "A poll may not wait for news while it holds a snapshot: its cursor would be "
                  "missing to all others. Leave the 'with request.snapshot()' block first.")
