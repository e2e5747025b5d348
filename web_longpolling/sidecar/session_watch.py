# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Notices that everybody gets 401 because this process looks for sessions where the host keeps none.

Another user, TMPDIR or data_dir than the host's, PrivateTmp, a container: nothing fails then, and nobody is logged in.
"""
import logging
import os
import pwd

from .. import host
from .loop.clock import monotonic

_logger = logging.getLogger(__name__)

# Requests in a row whose cookies name a session that is not there, before any that was. A page asks twice.
FIRST = 2
# Different sessions in a row that are not there, when some have been there: so many do not expire at once.
LATER = 5
# Seconds in which it is said once.
QUIET = 3600


def user():
    """The name of the system's user that this process runs as."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


class SessionWatch(object):
    """What the session store had of those who asked."""

    def __init__(self):
        self._any_found = False
        self._missed = 0            # requests in a row
        self._cookies = set()       # hashes of the latest different ones
        self._warned = None         # when, on the monotonic clock
        self._unreadable = None     # the same

    def looked(self, cookie, session):
        """Somebody has asked.

        :param cookie: the value of the cookie that names his session, or None
        :param session: his Session, or None
        """
        if session is not None:
            self._found()
        elif cookie:
            self._miss(cookie)

    def _found(self):
        self._any_found = True
        if self._missed:
            self._missed = 0
            self._cookies.clear()

    def _miss(self, cookie):
        if _lately(self._warned):
            return
        try:
            stored = host.adapter().is_stored(cookie)
        except Exception:           # a module's own store; whether it answers, others say
            return
        if stored:                  # it is no login, but the right place
            self._found()
            return
        self._missed += 1
        self._cookies.add(hash(cookie))
        if len(self._cookies) >= LATER or not self._any_found and self._missed >= FIRST:
            self._warned = monotonic()
            adapter = host.adapter()
            _logger.warning("No session file is found, so everybody gets 401: user %s looks in %s. Compare with your "
                            "server: the sidecar must run as the same user, with the same %s (and no PrivateTmp or "
                            "container between them).", user(), adapter.session_place(), adapter.SESSION_SETTINGS)

    def unreadable(self):
        """The store could not be asked."""
        if not _lately(self._unreadable):
            self._unreadable = monotonic()
            adapter = host.adapter()
            _logger.warning("A session can't be read, so its polls get 503: user %s may not, or can't just now, read "
                            "what is in %s.", user(), adapter.session_place())


def _lately(when):
    return when is not None and monotonic() - when < QUIET
