# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Which controllers there are: declared by decorators, served by the sidecar.

The host imports the same addons and therefore declares the same routes; only
the sidecar serves them, and only it logs them.
"""
import collections
import logging
import sys

from werkzeug.routing import Map, Rule

# The specification's logger name, on every host.
_logger = logging.getLogger('openerp.addons.web_longpolling.longpolling')

MODES = ('json', 'http')

class Route(collections.namedtuple('Route', 'path mode mustbeauthenticated controller module')):
    """One declared route.

    path: the whole path with the long polling path in front, werkzeug's rule syntax
    mode: 'json' (the return value is sent as JSON) or 'http' (sent as it is)
    mustbeauthenticated: whether the poll needs a login
    controller: the function
    module: name of the addon whose installation makes the route answer
    """

    __slots__ = ()


class RouteTable(object):
    """The routes of this process in the order of their declaration.

    modules: set of the names of the modules that have declared some
    served: whether this process is the sidecar
    """

    def __init__(self):
        self.modules = set()
        self._routes = []
        self.served = False
        self._maps = {}
        self._found = {}

    def declare(self, route):
        self._routes.append(route)
        self.modules.add(route.module)
        self._maps.clear()
        self._found.clear()
        if self.served:
            self._log(route)

    def serve(self):
        """From now on log each route; the sidecar calls this before it loads modules."""
        self.served = True
        for route in self._routes:
            self._log(route)

    @staticmethod
    def _log(route):
        _logger.info("Add the rule: '%s:%s'", route.controller.__name__, route.path)

    def routes(self):
        """All Routes, in the order of their modules and paths."""
        return sorted(self._routes, key=lambda route: (route.module, route.path))

    def url_map(self, modules):
        """A werkzeug Map of the routes of `modules` (a frozenset of names); endpoints are Routes.

        Where two modules declare the same path, the one declared first answers.
        """
        if modules not in self._maps:
            self._maps[modules] = Map([Rule(route.path, endpoint=route) for route in self._routes
                                       if route.module in modules], strict_slashes=False)
        return self._maps[modules]

    def match(self, modules, path):
        """The Route of a path among those of `modules`, and the variables of the path.

        :raises NotFound, RequestRedirect, MethodNotAllowed: as werkzeug's Map
        """
        found = self._found.get((modules, path))
        if found is not None:
            return found, {}
        # Not bind_to_environ: a malformed Host header, which no route looks at, would be a failure.
        route, variables = self.url_map(modules).bind('localhost').match(path)
        if not variables:       # such paths are no more than there are routes, each with a slash at its end or without
            self._found[modules, path] = route
        return route, variables


def addon_of(controller):
    """The name of the addon in which `controller` is defined.

    A function from outside of any addon belongs to web_longpolling itself, and so
    answers wherever that is installed.
    """
    parts = controller.__module__.split('.')
    if parts[:2] in (['openerp', 'addons'], ['odoo', 'addons']) and len(parts) > 2:
        return parts[2]
    return 'web_longpolling'


def check_arguments(path, mode, mustbeauthenticated, prefix):
    """What the decorator's three arguments must be like.

    :raises AssertionError: with a sentence, also under ``python -O``, which drops assert statements
    """
    def refuse(what, got, allowed):
        raise AssertionError("longpolling.route: %s is %r, but it must be %s." % (what, got, allowed))

    string = str if sys.version_info[0] > 2 else basestring     # noqa: F821
    if not isinstance(path, string) or not path.startswith('/'):
        refuse('path', path, "a string that begins with a slash, such as '/mainroute'")
    if path == prefix or path.startswith(prefix + '/'):
        refuse('path', path, "written without the long polling path %s, which is added to it" % prefix)
    try:
        Map([Rule(path)])
    except (ValueError, LookupError, TypeError, SyntaxError) as error:  # the last: a variable named twice
        refuse('path', path, "a path in werkzeug's rule syntax, such as '/room/<int:room>' (%s)" % error)
    if not isinstance(mode, string) or mode not in MODES:
        refuse('mode', mode, "one of %s" % ', '.join(repr(allowed) for allowed in MODES))
    if not isinstance(mustbeauthenticated, bool):
        refuse('mustbeauthenticated', mustbeauthenticated, "True or False")


table = RouteTable()
