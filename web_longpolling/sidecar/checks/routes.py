# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""``server.py --routes``: which routes there are, and where they answer."""
from ... import host, routes, settings
from ...errors import ConfigurationError
from ..database import startup
from .databases import discover, named
from .report import patience

_HEADINGS = ('module', 'path', 'mode', 'login', 'databases')


def tell(options, write):
    """Print a table of the routes of the served databases, of all where none is named; the exit status.

    :param options: the arguments of ``server.py``
    :param write: function that prints a line
    """
    try:
        settings.check()
        host.adapter().load_server_wide()       # a dbfilter may be one of its modules' own
        if not named(options):
            options.databases, finding = discover('')
            options.max_connections = None      # they are loaded one after the other, and nobody polls
            if not finding.well:
                raise ConfigurationError("No database is named, and %s" % finding.text)
        databases = startup.databases(options, settings.read('longpolling_timeout'))
        with patience('loading the registries of %s' % ', '.join(
                sorted(database.name for database in databases.list()))):
            startup.load(databases.list())
    except ConfigurationError as error:
        write('server.py: %s' % error)
        return 1
    rows = [_HEADINGS]
    for route in routes.table.routes():
        serving = sorted(database.name for database in databases.list()
                         if database.registry.loaded and route.module in database.registry.modules)
        rows.append((route.module, route.path, route.mode, 'yes' if route.mustbeauthenticated else 'no',
                     ', '.join(serving) or '(not installed)'))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    for row in rows:
        write('  '.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())     # noqa: B905
    return 0
