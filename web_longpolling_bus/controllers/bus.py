# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What ``static/src/socket.js`` sends to the host. Not below /websocket, which dispatchers send to Odoo's port 8072."""
import re

from odoo.addons.bus.controllers.main import BusController
from odoo.addons.bus.websocket import Websocket, WebsocketConnectionHandler
from odoo.addons.web_longpolling.longpolling import longpolling
from odoo.exceptions import ConcurrencyError, UserError
from odoo.http import Controller, request, route

from ..models.ir_http import digest_of_script

# What a browser calls its connection; it makes it up, so that nobody can guess it.
_NAME = re.compile('[0-9a-f]{32}')
_NO_NAME = "The name of a connection is 32 hexadecimal digits."
# Of the session, when events were lost to its browser.
_MISSED = 'web_longpolling_bus_missed'


def _is_name(name):
    return isinstance(name, str) and bool(_NAME.fullmatch(name))


def _connections(name):
    connections = request.env['web_longpolling_bus.connection'].sudo()
    return connections.search([('name', '=', name), ('gone', '=', False)]) if _is_name(name) else connections


def _has_left(name):
    """Whether the browser has left under this name: what arrives now it has sent before."""
    return bool(request.env['web_longpolling_bus.connection'].sudo().search_count(
        [('name', '=', name), ('gone', '=', True)]))


def _check_size():
    """Refuse what Odoo's socket refuses; a ticket for millions of channels would be read by the sidecar, too."""
    if len(request.httprequest.get_data()) > Websocket.MESSAGE_MAX_SIZE:
        raise UserError("A message on the bus has %d bytes at most." % Websocket.MESSAGE_MAX_SIZE)


def _another(uid):
    """Whether somebody else than this user, False for nobody, is logged in by now."""
    return uid is not None and uid != (request.session.uid or False)


def _locked():
    """Whether Odoo's module auth_timeout waits until the user says who he is: by now the sidecar refuses his polls."""
    check = getattr(request.env['ir.http'], '_must_check_identity', None)
    return bool(check and request.session.uid and check())


class LongPollingBus(Controller):

    @route('/web_longpolling_bus/subscribe', type='jsonrpc', auth='public')
    def subscribe(self, name, channels, last, uid=None, known=False, ticket=None,
                  version=None):
        """As the event `subscribe` on Odoo's socket.

        :param name: of the browser's connection
        :param uid: whose socket it is, False if nobody's, None if it does not know yet
        :param known: whether the socket goes on from a position that it knows
        :param ticket: the one that this replaces
        :param version: of the worker: Odoo's own, and our script's
        :returns: `expired`, or `outdated` if there is another worker by now, or `locked` if it must ask again later, or
            `gone` if it has left under this name and needs another one to come back, or
            else `uid`, `renewal` in seconds, `ticket`, `notifications` since `last`, and if not `known` `position`
        """
        _check_size()
        if not _is_name(name):
            raise ValueError(_NO_NAME)
        if _another(uid):
            return {'expired': True}
        if version is not None and version != '%s~%s' % (WebsocketConnectionHandler._VERSION, digest_of_script()):
            return {'outdated': True}
        if _locked():
            return {'locked': True}
        if _has_left(name):
            return {'gone': True}
        # Odoo refuses the other events of a socket whose session has not subscribed.
        request.session['is_websocket_session'] = True
        if ticket:
            longpolling.revoke_ticket(request.env.cr, ticket)
        websocket = request.env['ir.websocket']
        answer = websocket._as_guest(
            type(websocket)._subscribe_longpolling, channels, last,
            request.env['web_longpolling_bus.connection']._ticket_seconds(), bool(known) and uid is not None)
        request.env['web_longpolling_bus.connection'].sudo()._enter(name)
        return dict(answer, uid=request.session.uid or False,
                    renewal=request.env['web_longpolling_bus.connection']._renewal())

    @route('/web_longpolling_bus/event', type='jsonrpc', auth='public')
    def event(self, name, event_name, data=None, uid=None):
        """Any other event on Odoo's socket; `renewed` is False if the browser must subscribe again before it.

        A socket has an order, requests have none: this one may come after, or beside, the one by which the browser
        leaves, and must not set its user online again. Both write the row of the connection, so one of them waits for
        the other, and then sees what the other has done.
        """
        _check_size()
        if _another(uid) or 'is_websocket_session' not in request.session:
            return {'expired': True}
        if not _connections(name)._renew():
            return {'renewed': False}
        taken_back = []
        request.env.cr.postrollback.add(lambda: taken_back.append(True))
        request.env['ir.websocket']._serve_ir_websocket(event_name, data)
        if taken_back:
            # Odoo has met somebody else who wrote the same presence, and ignores its own. That may have been another
            # browser of this user, which has left.
            raise ConcurrencyError(event_name)      # the host handles the request anew
        return {'renewed': True}

    @route('/web_longpolling_bus/renew', type='jsonrpc', auth='public')
    def renew(self, name, ticket, uid=None):
        """The browser is still there; `renewed` is False if it must subscribe again."""
        if _another(uid):
            return {'expired': True}
        seconds = request.env['web_longpolling_bus.connection']._ticket_seconds()
        return {'renewed': _connections(name)._renew() and longpolling.renew_ticket(request.env.cr, ticket, seconds)}

    @route('/web_longpolling_bus/moved', type='jsonrpc', auth='public')
    def moved(self, name, ticket=None):
        """The browser has a WebSocket by now: Odoo sees when that closes, so this one is not missed."""
        _connections(name).unlink()
        longpolling.revoke_ticket(request.env.cr, ticket)
        return {}

    @route('/web_longpolling_bus/missed', type='jsonrpc', auth='public')
    def missed(self):
        """Events were lost to this browser: it came back after the retention."""
        request.session[_MISSED] = True
        return {}

    @route('/web_longpolling_bus/leave', type='http', auth='public', methods=['POST'], csrf=False, save_session=False)
    def leave(self):
        """The last tab of a browser leaves; it sends the name of its connection, and waits for no answer."""
        sent = request.httprequest
        name = sent.get_data(as_text=True) if (sent.content_length or 0) < 100 else None
        if not _is_name(name):
            return request.make_response(_NO_NAME, status=400)
        _connections(name)._leave()
        # Its subscription may be on its way still. Whoever has no session had none to subscribe with.
        if not request.session.is_new:
            request.env['web_longpolling_bus.connection'].sudo()._bury(name)
        return request.make_response('', status=204)


class MissedNotifications(BusController):

    @route()
    def has_missed_notifications(self, last_notification_id):
        missed = super().has_missed_notifications(last_notification_id)
        return bool(request.session.pop(_MISSED, False)) or missed
