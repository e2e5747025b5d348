# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What can be seen on this machine: the configuration, the log, the session store, open files, the place to listen."""
import os

from ... import host, settings
from ...errors import ConfigurationError
from ..database import startup
from ..wire import address, fd_limit
from ..session_watch import user
from .client import Site
from .report import Finding, patience

# Session files that are read to see whose they are.
SESSIONS = 200
# Polls that a sidecar should be able to hold, if nobody has said how many.
ENOUGH = 1000
# What stands between the connections of held polls and all: as in service.py.
SPARE_CONNECTIONS = 50


def configuration():
    """Keys that nobody reads, and values that are not allowed."""
    path = host.adapter().configuration_file()
    well = True
    for name, nearest in settings.unread():
        well = False
        yield Finding('configuration', False, "nobody reads %s of %s%s" % (
            name, path, '; did you mean %s?' % nearest if nearest else ': web_longpolling has no such key.'))
    for name in sorted(settings.SETTINGS):
        try:
            settings.read(name)
        except ConfigurationError as error:
            well = False
            yield Finding('configuration', False, str(error))
    if well:
        yield Finding('configuration', True, path if os.path.exists(path) else '%s does not exist; defaults' % path)


def log(options):
    """server.py has opened it by now, and would have ended if it could not."""
    yield Finding('log', True, options.logfile or 'the console')


def sessions(databases):
    """The session store: whether it can be read, and whose logins are in it.

    :param databases: names of those that are served
    """
    adapter = host.adapter()
    problem = adapter.store_problem()
    if problem:
        yield Finding('sessions', False, "user %s can't read the sessions of your server: %s; run the sidecar as the "
                                         "server's user, with the same %s." % (
                                             user(), problem, adapter.SESSION_SETTINGS))
        return
    with patience("reading the newest files of %s" % adapter.session_place()):
        found = adapter.stored_databases(SESSIONS)
    place = adapter.session_place()
    if found is None:
        yield Finding('sessions', True, 'they are in the store %s' % place)
    elif not any(found.get(name) for name in databases or found):
        others = 'only of %s' % ', '.join(sorted(found)) if found else 'none at all'
        yield Finding('sessions', True, "%s has no login of these databases, %s: fine if nobody has logged in yet; "
                                        "user %s looks there" % (place, others, user()))
    else:
        told = ', '.join('%d of %s' % (found[name], name) for name in sorted(databases or found) if found.get(name))
        yield Finding('sessions', True, '%s, as user %s: logins among the newest %d files: %s' % (
            place, user(), SESSIONS, told))


def unlike_hosts():
    """What to do if the host keeps its sessions elsewhere."""
    return "run the sidecar, which is user %s now, as your server's user, and with the same %s" % (
        user(), host.adapter().SESSION_SETTINGS)


def files(databases, options):
    """Open files against what is to be held."""
    wanted = settings.read('longpolling_max_held')
    try:
        left = fd_limit.connections(startup.most_connections(options, databases)) - SPARE_CONNECTIONS
    except ConfigurationError as error:
        yield Finding('open files', False, str(error))
        return
    asked_for = host.adapter().option('longpolling_max_held') is not None
    if left < (wanted if asked_for else min(wanted, ENOUGH)):
        yield Finding('open files', False,
                      "longpolling_max_held is %d, but this process may open so few files that it holds %d polls at "
                      "most: raise the limit by %d (ulimit -n, or LimitNOFILE= of systemd), or lower "
                      "longpolling_max_held." % (wanted, left, wanted - left))
    else:
        yield Finding('open files', True, 'enough for %d held polls' % min(wanted, left))


def cursors(options):
    """A Finding if there is but one cursor."""
    if options.max_cursor < 2:
        yield Finding('cursors', False, "with --max-cursor 1 a poll that reads keeps all others waiting, and the "
                                        "logins of those that come meanwhile can't be verified: give 2 at least.")


def place(options):
    """Whether the sidecar can listen there, or does already.

    :returns: a Finding, and a bound socket or None
    """
    own = Site.of_sidecar(options)
    try:
        return Finding('port', True, '%s is free' % own), address.bind(options.interface, options.port,
                                                                        options.reuse_port)
    except ConfigurationError as error:
        health = own.json('GET', '/health')
        if isinstance(health, dict) and 'polls_held' in health:
            return Finding('port', True, 'a sidecar answers at %s already, and says it is %s' % (
                own, health.get('status'))), None
        return Finding('port', False, str(error)), None
