# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The life of the sidecar's process: check, bind, load, serve, stop."""
import logging
import signal
import sys

import gevent
from gevent.event import Event

from .. import host, routes, settings
from ..errors import ConfigurationError
from . import checks, log_context
from .application import Application
from .database import startup, waiting
from .loop import monitor, signals
from .loop.clock import monotonic
from .metrics import Metrics
from .polls import Polls
from .probe import Probe
from .reload import Reload
from .wire import address, fd_limit
from .wire.peer_watch import PeerWatch
from .wire.server import PollServer

# The specification's logger name, on every host.
_logger = logging.getLogger('openerp.addons.web_longpolling.longpolling')

# Connections that the kernel keeps until they are accepted: a dispatcher that restarts sends
# thousands at once. The kernel takes the smaller of this and net.core.somaxconn.
BACKLOG = 16384

# Connections beyond those of held polls, for the answer that says that there are too many.
SPARE_CONNECTIONS = 50

# Seconds that the last answers have to leave, even if the grace period is over.
SENDING = 1

# Seconds that the start waits for LISTEN; then polls are answered all the same, and the log has a warning by now.
READY = 15


def serve(options):
    """Serve until SIGTERM or SIGINT; a mistake ends the process with one sentence and status 1.

    :param options: the arguments of ``server.py``
    """
    stopping = Event()
    if not options.reload:
        _serve(options, stopping)
        return
    reload = Reload(stopping.set)
    try:
        _serve(options, stopping)
    except (Exception, SystemExit):
        _logger.exception("This can't be served; after the next change the sidecar starts anew")
        stopping.wait()
    if reload.changed:
        reload.restart()


def _serve(options, stopping):
    signals.install()
    waiting.install()
    try:
        settings.check()
        timeout = settings.read('longpolling_timeout')
        databases = startup.databases(options, timeout)
        most_connections = fd_limit.connections(
            startup.most_connections(options, [database.name for database in databases.list()]))
        polls = Polls(min(settings.read('longpolling_max_held'), most_connections - SPARE_CONNECTIONS),
                      settings.read('longpolling_max_held_per_session'))
        listener = address.bind(options.interface, options.port, options.reuse_port)
        routes.table.serve()
        host.adapter().load_server_wide()
        host.adapter().check_sessions()
        checks.at_start(options, [database.name for database in databases.list()])
        startup.load(databases.list())
    except ConfigurationError as error:
        sys.exit("server.py: %s" % error)
    log_context.install(polls)
    gevent.config.track_greenlet_tree = False       # who has started a poll's greenlet is no news, and costs memory
    metrics = Metrics(databases, polls)
    watched = PeerWatch()
    application = Application(databases, timeout, polls, watched, metrics, Probe(timeout, watched))
    server = PollServer(listener, application.respond, most_connections, bool(host.adapter().option('proxy_mode')))
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stopping.set)
    metrics.start()
    monitor.start()
    databases.begin()
    _wait_for_listeners(databases, stopping)
    listener.listen(BACKLOG)
    server.start()
    if databases.on_demand:
        _logger.info("No database is named: each that your server serves is loaded when it is first polled, %d at the "
                     "same time at most", options.max_databases)
    # Operators wait for this line, and restart the next sidecar: polls and news are served by now.
    _logger.info("Start long polling server %s", address.name(listener))
    stopping.wait()
    address.remove(listener)
    databases.stop()
    _stop(server, polls, options.grace)


def _wait_for_listeners(databases, stopping):
    until = monotonic() + READY
    while (not stopping.is_set() and monotonic() < until and
           not all(each.listener.connected for each in databases.list() if each.registry.loaded)):
        stopping.wait(0.01)


def _stop(server, polls, grace):
    """End within `grace` seconds: what is held goes elsewhere, what is being read is finished."""
    _logger.info("Stopping: %d polls are sent elsewhere", len(polls))
    started = monotonic()
    server.close()
    left = polls.drain(grace)
    if left:
        _logger.warning("%d polls did not end within %s s, and are broken off", left, grace)
    server.finish(max(grace - (monotonic() - started), SENDING))
    _logger.info("Long polling server stopped")
