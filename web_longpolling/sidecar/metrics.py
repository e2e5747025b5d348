# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What the sidecar reports to the administrator: ``/metrics``, ``/polls`` and ``/health`` (health.py) on its own port.

They lie outside of the long polling path, so no dispatcher makes them public.
"""
import collections
import json

import gevent
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from .health import Health
from .loop.clock import monotonic
from .loop.supervisor import Supervised
from .wire import responses

# Seconds between two measurements of the event loop's lag.
LAG_STEP = 1.0

# Seconds: from a round trip on one machine to a poll's timeout.
BUCKETS = (.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60)


class Metrics(object):
    """The figures of this process, in Prometheus' text format."""

    def __init__(self, databases, polls):
        """
        :param databases: the Databases of this process
        :param polls: the Polls of this process
        """
        self._databases = databases
        self._polls = polls
        self._health = Health(databases, polls)
        self._labels = collections.defaultdict(set)     # by metric and database
        self._registry = CollectorRegistry()
        self._registry.register(self)       # asks collect() below
        # A route is what a module declares, not what a browser asks for: there are as many as there are, and one
        # without a name for what was refused before it was known.
        labels = ['database', 'route']
        self._started = Counter('longpolling_polls_started', "Polls whose controllers were called, or refused",
                                labels, registry=self._registry)
        self._answered = Counter('longpolling_polls_answered', "Polls that were answered, by HTTP status",
                                 labels + ['status'], registry=self._registry)
        self._put_off = Counter('longpolling_polls_put_off', "Polls that were not ready when others of their request "
                                "were, and are asked for again", labels, registry=self._registry)
        self._gone = Counter('longpolling_polls_gone', "Polls whose client hung up", labels, registry=self._registry)
        self.notify_to_answer = Histogram(
            'longpolling_notify_to_answer_seconds', "From the database's notification to the answer that it led to",
            buckets=BUCKETS, registry=self._registry)
        self.budget_wait = Histogram(
            'longpolling_budget_wait_seconds', "How long a read waited for a cursor of the budget", ['database'],
            buckets=BUCKETS, registry=self._registry)
        self._lag = Gauge('longpolling_loop_lag_seconds', "How late the event loop was at the last look",
                          registry=self._registry)

    def start(self):
        self._databases.on_begin = self._begin
        self._databases.on_forget = self._forget
        Supervised("Measuring the lag of the event loop", self._measure_lag).start()

    def _begin(self, database):
        database.connections.budget.on_wait = self._of(self.budget_wait, database.name).observe

    def _forget(self, database):
        """Its figures end: databases come and go."""
        database.connections.budget.on_wait = lambda seconds: None
        for metric in (self._started, self._answered, self._put_off, self._gone, self.budget_wait):
            for labels in self._labels.pop((metric, database.name), ()):
                metric.remove(*labels)

    def _of(self, metric, *labels):
        """The metric with these labels, of which the first one is the name of a database."""
        self._labels[metric, labels[0]].add(labels)
        return metric.labels(*labels)

    def started(self, route, database):
        """A poll begins.

        :param route: its Route, or None if it has none
        :param database: the Database of its login, or None
        """
        self._of(self._started, *_labels(route, database)).inc()

    def answered(self, route, database, answer):
        """It was answered.

        :param answer: an Answer or werkzeug Response
        """
        self._of(self._answered, *(_labels(route, database) + (answer.status.split()[0],))).inc()

    def put_off(self, route, database):
        """It was not ready when others of its request were answered."""
        self._of(self._put_off, *_labels(route, database)).inc()

    def gone(self, route, database):
        """Its client hung up."""
        self._of(self._gone, *_labels(route, database)).inc()

    def collect(self):
        """The figures that are read off when somebody asks; prometheus_client calls this."""
        held = GaugeMetricFamily('longpolling_polls_held', "Polls whose controllers are at work or wait",
                                 labels=['database', 'route'])
        counted = collections.Counter((poll.database or '', poll.route or '') for poll in self._polls.list())
        for labels in set(counted) | set((database.name, '') for database in self._databases.list()):
            held.add_metric(labels, counted[labels])
        yield held
        yield GaugeMetricFamily('longpolling_connections', "Connections to PostgreSQL that are open",
                                value=self._databases.limit.used)
        for name, family, meaning, read in (
                ('longpolling_budget_size', GaugeMetricFamily, "Cursors that may be open at once",
                 lambda database: database.connections.budget.size),
                ('longpolling_budget_used', GaugeMetricFamily, "Cursors that are open",
                 lambda database: database.connections.budget.used),
                ('longpolling_budget_waiting', GaugeMetricFamily, "Reads that wait for a cursor",
                 lambda database: database.connections.budget.waiting),
                ('longpolling_loaded', GaugeMetricFamily, "1 while polls of the database can be answered",
                 lambda database: int(database.registry.loaded)),
                ('longpolling_listening', GaugeMetricFamily, "1 while notifications of the database are heard",
                 lambda database: int(database.listener.connected)),
                ('longpolling_wakeups', CounterMetricFamily, "Notifications that the database sent",
                 lambda database: database.listener.wakeups),
                ('longpolling_feed_reads', CounterMetricFamily, "Times that the feed was read",
                 lambda database: database.feed.reads),
                ('longpolling_reconnects', CounterMetricFamily, "Times that the listening connection was made anew",
                 lambda database: database.listener.reconnects)):
            metric = family(name, meaning, labels=['database'])
            for database in self._databases.list():
                metric.add_metric([database.name], read(database))
            yield metric

    def answer(self, path):
        """The Answer for ``/metrics``, ``/polls`` or one of health.py, None for any other path."""
        if path == '/metrics':
            return responses.plain(200, str(CONTENT_TYPE_LATEST), generate_latest(self._registry))
        if path == '/polls':
            polls = [poll._asdict() for poll in self._polls.list()]
            return responses.plain(200, 'application/json', json.dumps(polls, sort_keys=True).encode('utf-8'))
        return self._health.answer(path)

    def _measure_lag(self):
        while True:
            before = monotonic()
            gevent.sleep(LAG_STEP)
            self._lag.set(max(monotonic() - before - LAG_STEP, 0))


def _labels(route, database):
    return database.name if database is not None else '', route.path if route is not None else ''
