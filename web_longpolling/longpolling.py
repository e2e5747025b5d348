# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The public face: what an addon imports.

::

    from openerp.addons.web_longpolling.longpolling import longpolling, get_timeout

    @longpolling.route('/messages')
    def messages(request, **kwargs):
        request.wait('mail')                    # a page's first poll: at once; then until an event
        return request.model('mail.message').search_count([], context=request.context)

    @longpolling.route('/wall')
    def wall(request, **kwargs):
        return request.follow('wall')           # what was published after the page's last answer

    # in model code of the host, inside its ordinary transaction
    longpolling.publish(cr, 'wall', {'text': text})

For pages without a login, or with very many channels, the host gives a ticket, which the page sends with its polls::

    token = longpolling.ticket(cr, ['room-5'])      # in the host, when it has seen that the page may

    @longpolling.route('/room', mustbeauthenticated=False)
    def room(request, token, **kwargs):
        return request.follow(request.ticket(token))

The host imports this module too, so nothing here needs gevent.
"""
from . import routes, settings
from .errors import AuthenticationError, Gone, ReadOnlyError, SnapshotHeld
from .positions import position
from .publishing import publish, publish_many
from .tickets import renew_ticket, revoke_ticket, ticket

__all__ = ['longpolling', 'get_timeout', 'get_path', 'publish', 'publish_many', 'position', 'ticket', 'renew_ticket',
           'revoke_ticket', 'AuthenticationError', 'Gone', 'ReadOnlyError', 'SnapshotHeld']


def get_timeout():
    """Seconds (a float) after which a poll is answered though nothing has happened: ``longpolling_timeout``.

    :raises ConfigurationError: if the configuration holds something else than a number of seconds
    """
    return settings.read('longpolling_timeout')


def get_path():
    """The path under which the dispatcher finds the sidecar: ``longpolling_path``.

    :raises ConfigurationError: if the configuration holds something else than a path
    """
    return settings.read('longpolling_path')


class LongPolling(object):
    """The object ``longpolling``, whose methods an addon calls."""

    publish = staticmethod(publish)
    publish_many = staticmethod(publish_many)
    position = staticmethod(position)
    ticket = staticmethod(ticket)
    renew_ticket = staticmethod(renew_ticket)
    revoke_ticket = staticmethod(revoke_ticket)

    @staticmethod
    def route(path='/', mode='json', mustbeauthenticated=True):
        """Declare a controller; may be stacked to give it several paths.

        :param path: begins with a slash and is relative to the long polling path; variables as in
            werkzeug's rules: ``/room/<room>``, ``/room/<int:room>``
        :param mode: 'json' sends the controller's return value as JSON; 'http' sends a str, bytes or
            werkzeug Response as it is
        :param mustbeauthenticated: whether a poll without a valid login is refused with 401 before
            the controller is called
        :raises AssertionError: if one of them is something else, with a sentence that says what is allowed

        The controller is called as ``controller(request, **parameters)``: the parameters are the path's
        variables and the browser's parameters; a path variable wins over a parameter of its name.
        """
        prefix = get_path()
        routes.check_arguments(path, mode, mustbeauthenticated, prefix)

        def declare(controller):
            routes.table.declare(routes.Route(
                prefix + path, mode, mustbeauthenticated, controller, routes.addon_of(controller)))
            return controller

        return declare


longpolling = LongPolling()
