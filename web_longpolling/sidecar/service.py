# -*- coding: utf-8 -*-
"""The life of the sidecar's process: check, bind, load, serve, stop."""
import logging
import signal
import sys

import gevent
import gevent.socket
from gevent.event import Event

from .. import host, routes, settings
from ..errors import ConfigurationError
from .application import Application
from .database import startup
from .loop import monitor, signals
from .loop.clock import monotonic
from .metrics import Metrics
from .polls import Polls
from .reload import Reload
from .wire import fd_limit
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

SO_REUSEPORT = 15       # Linux; Python 2.7's socket module does not name it


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
    try:
        settings.check()
        timeout = settings.read('longpolling_timeout')
        databases = startup.databases(options, timeout)
        most_connections = fd_limit.connections(len(databases) * (options.max_cursor + 1))
        polls = Polls(min(settings.read('longpolling_max_held'), most_connections - SPARE_CONNECTIONS),
                      settings.read('longpolling_max_held_per_session'))
        listener = _bind(options.interface, options.port, options.reuse_port)
        routes.table.serve()
        host.adapter().load_server_wide()
        host.adapter().check_sessions()
        startup.load(list(databases.values()))
    except ConfigurationError as error:
        sys.exit("server.py: %s" % error)
    gevent.config.track_greenlet_tree = False       # who has started a poll's greenlet is no news, and costs memory
    metrics = Metrics(databases, polls)
    application = Application(databases, timeout, polls, PeerWatch(), metrics)
    server = PollServer(listener, application.respond, most_connections, bool(host.adapter().option('proxy_mode')))
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stopping.set)
    metrics.start()
    monitor.start()
    for database in databases.values():
        if database.registry.loaded:
            database.begin()
    _wait_for_listeners(databases, stopping)
    listener.listen(BACKLOG)
    server.start()
    # Operators wait for this line, and restart the next sidecar: polls and news are served by now.
    _logger.info("Start long polling server '%s':%s", *listener.getsockname()[:2])
    stopping.wait()
    _stop(server, polls, options.grace)


def _wait_for_listeners(databases, stopping):
    until = monotonic() + READY
    while (not stopping.is_set() and monotonic() < until and
           not all(each.listener.connected for each in databases.values() if each.registry.loaded)):
        stopping.wait(0.01)


def _bind(interface, port, reuse_port):
    """A bound socket that does not listen yet: browsers come when everything is loaded."""
    if interface in ('', '*'):      # the resolver would take it for this machine's own address
        raise ConfigurationError("-i takes one address, not %r: 0.0.0.0 is all of IPv4, and :: all of IPv6 and IPv4."
                                 % interface)
    try:
        family, kind, protocol, _, address = gevent.socket.getaddrinfo(
            interface, port, 0, gevent.socket.SOCK_STREAM)[0]
        listener = gevent.socket.socket(family, kind, protocol)
        listener.setsockopt(gevent.socket.SOL_SOCKET, gevent.socket.SO_REUSEADDR, 1)
        if reuse_port:
            listener.setsockopt(gevent.socket.SOL_SOCKET, SO_REUSEPORT, 1)
        listener.bind(address)
    except EnvironmentError as error:
        raise ConfigurationError("Can't listen on %s port %s: %s; give another one with -i and -p." % (
            interface, port, error.strerror))
    return listener


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
