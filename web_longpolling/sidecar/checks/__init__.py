# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""``server.py --check``: whether this sidecar can serve, one line for each thing that must be right.

::

    server.py -> checks.check(options)
      here.configuration, here.log      what was written where it is not read
      databases.discover                which there are, if none is named
      databases.look                    each database: in reach, the module installed, notifications that arrive
      databases.connections             what the sidecar and the host need, and what PostgreSQL has
      here.sessions                     whose session files these are
      here.place, here.files            the port or the Unix socket; open files
      way.certificate                   --url of https: whether browsers take the dispatcher for what it says it is
      way.to_host                       --url: whether the host's sessions are those that the sidecar reads
      way.through                       what the dispatcher makes of a request, of a poll, of its end
    service -> checks.at_start          the cheap part of it; what is not well, is a warning in the log

Each gives Findings, one sentence each.
"""
import logging

from ... import host, settings
from ...errors import ConfigurationError
from ..wire import address
from . import databases, here, way
from .client import Site
from .report import Finding, Report

_logger = logging.getLogger(__name__)


def check(options, write):
    """Print what was found; the exit status: 0 if all of it is well, 1 if not.

    :param options: the arguments of ``server.py``
    :param write: function that prints a line
    """
    report = Report(write)
    report.take(here.configuration())
    report.take(here.log(options))
    named = there = databases.named(options)
    host.adapter().load_server_wide()       # a dbfilter may be one of its modules' own
    if not named:
        there, finding = databases.discover(_asked(options))
        report.take([finding])
    report.take(databases.look(there))
    if there:
        report.take(databases.connections(named, options))
    report.take(here.cursors(options))
    report.take(here.sessions(there))
    found, listener = here.place(options)
    report.take([found])
    try:
        settings.check()
    except ConfigurationError:
        _leave(listener)
        return 1            # it was reported above, and what follows needs the values
    report.take(here.files(named, options))
    if options.url is not None:
        report.take(_way(options, there, found, listener))
    _leave(listener)
    return 1 if report.wrong else 0


def _leave(listener):
    if listener is not None and not listener.closed:
        address.remove(listener)
        listener.close()


def _asked(options):
    """The host that browsers ask, '' if that is not known."""
    try:
        return Site.of_url(options.url).host if options.url else ''
    except ValueError:
        return ''           # it is reported later


def _way(options, names, place, listener):
    try:
        site = Site.of_url(options.url)
    except ValueError as error:
        yield Finding('url', False, "--url: %s." % error)
        return
    if site.secure:
        found = way.certificate(site)
        yield found
        if not found.well:
            return
    for finding in way.to_host(site, names[0] if names else ''):
        yield finding
    if listener is not None and not way.may_listen(listener):
        # It was free a moment ago: a sidecar that was just started listens when its registries are loaded.
        _leave(listener)
        place, listener = here.place(options)
        yield place
    if place.well:
        with way.listening(listener):
            for finding in way.through(site, Site.of_sidecar(options)):
                yield finding


def at_start(options, names):
    """Log what is not as it must be, as far as that can be seen at once; the start itself refuses what can't work."""
    for findings in (here.configuration(), here.files(names, options), databases.connections(names, options),
                     here.cursors(options)):
        for finding in findings:
            if not finding.well:
                _logger.warning("Not as it should be, %s: %s", finding.about, finding.text)
