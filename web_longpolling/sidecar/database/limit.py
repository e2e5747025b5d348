# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""How many connections to PostgreSQL the databases of this process may have together.

Who needs one when there is no room waits in one queue for all databases. Idle connections make room first, the oldest
before the others; then listeners that nobody waits for.
"""
import contextlib

from gevent.event import Event
from gevent.lock import Semaphore

from ...errors import Unavailable
from ..loop.deadline import PollTimeout

# Seconds between two looks for connections that were closed without a word.
LOOK = 0.05

# Connections that loading a registry needs beside those that are counted: the host's own, and one that asks whether
# PostgreSQL is there. One registry is loaded at a time.
LOADING = 4


class ConnectionLimit(object):
    """
    most: how many there may be; infinite without a limit
    pools: list of the Connections whose idle ones can be closed
    listeners: list of the Listeners that may rest
    """

    def __init__(self, most=None):
        self.most = float('inf') if most is None else most
        self.pools = []
        self.listeners = []
        self._open = []
        self._opening = 0
        self._queue = Semaphore(1)
        self._changed = Event()

    @property
    def used(self):
        """How many connections there are."""
        self._open = [connection for connection in self._open if not connection.closed]
        return len(self._open) + self._opening

    def changed(self):
        """A connection has become idle or was closed."""
        self._changed.set()

    @contextlib.contextmanager
    def room(self):
        """Wait until there may be one connection more, which is opened in the block.

        :returns: function to call with the connection
        :raises PollTimeout: if the poll ends meanwhile; its ``cause`` says why
        """
        self._wait()
        self._opening += 1
        try:
            yield self._open.append
        finally:
            self._opening -= 1

    def _wait(self):
        try:
            with self._queue:
                while self.used >= self.most:
                    self._changed.clear()
                    if not self._close_an_idle_one():
                        self._changed.wait(LOOK)
        except PollTimeout as end:
            end.cause = Unavailable("All connections to PostgreSQL that this server may have are in use; try again "
                                    "later.")
            raise

    def _close_an_idle_one(self):
        idle = [pool for pool in self.pools if pool.idle_since is not None]
        if idle:
            min(idle, key=lambda pool: pool.idle_since).close_oldest()
            return True
        for listener in self.listeners:
            if listener.connected and not listener.needed:
                listener.stop()
                return False        # it closes its connection itself, in a moment
        return False
