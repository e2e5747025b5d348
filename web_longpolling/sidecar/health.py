# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Whether polls are answered: ``/health``, ``/health/live`` and ``/health/ready`` on the sidecar's own port.

What polls would find out is looked at here too, as nobody may poll: that the module was uninstalled, that the session
store can't be read any more.
"""
import json

import gevent
from gevent.lock import BoundedSemaphore

from .. import host
from ..errors import BudgetExhausted, DatabaseUnavailable
from .loop.clock import monotonic
from .wire import responses

# Seconds between two looks, however often somebody asks.
LOOK = 5
# Seconds that a look may take; a database that is busy for longer is as well as it was before.
PATIENCE = 2


class Health(object):
    """What this process says of itself."""

    def __init__(self, databases, polls):
        """
        :param databases: the Databases of this process
        :param polls: the Polls of this process
        """
        self._databases = databases
        self._polls = polls
        self._looked = None         # when, on the monotonic clock
        self._looking = BoundedSemaphore(1)
        self._of_databases = {}     # by name: what is wrong, a sentence
        self._of_sessions = None

    def answer(self, path):
        """The Answer for one of these paths, None for any other."""
        if path == '/health/live':      # that it is answered at all says all
            return _json(200, {'status': 'ok'})
        if path not in ('/health', '/health/ready'):
            return None
        self._look()
        databases = self._databases.list()
        listening = dict((database.name, database.listener.connected) for database in databases)
        problems = dict((name, problem) for name, problem in self._of_databases.items() if name in listening)
        for database in databases:
            name = database.name
            if not database.registry.loaded:
                problems[name] = database.registry.problem or problems.get(name) or "It is not loaded yet."
            elif not database.hears:
                problems.setdefault(name, "Nothing is heard from it; the sidecar connects again.")
        if self._polls.stopping:
            status = 'stopping'
        elif self._of_sessions is not None:
            status = 'no sessions'
            problems['sessions'] = self._of_sessions
        elif listening and all(name in problems for name in listening):
            status = 'no database'
        else:
            status = 'ok'
        told = {'status': status}
        if path == '/health':
            told.update(polls_held=len(self._polls), listening=listening)
        if problems:
            told['problems'] = problems
        return _json(200 if status == 'ok' else 503, told)

    def _look(self):
        with self._looking:         # who asks meanwhile gets the same
            now = monotonic()
            if self._looked is None or now - self._looked > LOOK:
                looks = [gevent.spawn(self._look_at, database.name, database) for database in self._databases.list()
                         if database.in_use or not self._databases.on_demand]
                looks.append(gevent.spawn(self._look_at_sessions))
                gevent.joinall(looks, PATIENCE)
                gevent.killall(looks, block=False)
                self._looked = monotonic()

    def _look_at(self, name, database):
        problem = None
        if database.registry.loaded:
            try:
                database.check_signaling()
            except BudgetExhausted:
                return
            except DatabaseUnavailable as error:
                problem = "It can't be read: %s." % error.reason.rstrip('.')
        if problem is None:
            self._of_databases.pop(name, None)
        else:
            self._of_databases[name] = problem

    def _look_at_sessions(self):
        problem = host.adapter().store_problem()
        self._of_sessions = problem and "The sessions of your server can't be read: %s." % problem.rstrip('.')


def _json(code, told):
    return responses.plain(code, 'application/json', json.dumps(told, sort_keys=True).encode('utf-8'))
