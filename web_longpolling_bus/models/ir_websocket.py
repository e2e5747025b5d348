# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What a browser sends up its socket, when it comes by HTTP."""
from odoo import models
from odoo.addons.bus.models.bus import channel_with_db, json_dump
from odoo.addons.web_longpolling.longpolling import longpolling
from odoo.http import request

from ..channels import feed_channel


class IrWebsocket(models.AbstractModel):
    _inherit = 'ir.websocket'

    def _subscribe_longpolling(self, channels, last, seconds, known):
        """As ``_subscribe``: what the page may follow, and what it has not got yet.

        :param channels, last: as a page sends them to ``_subscribe``
        :param seconds: for which the ticket is good
        :param known: whether the page goes on from a position that it has
        :returns: dict for the page
        """
        data = self._prepare_subscribe_data(channels, last)
        if 'missed_presences' in data:
            # What mail tells of those who have just come says the status of who subscribes in the place of theirs. They
            # are told here by what they said themselves, since then: see below.
            data['missed_presences'] = data['missed_presences'].browse()
        self._after_subscribe_data(data)
        self._serve_ir_websocket('subscribe', {'channels': channels, 'last': last})
        cr, uid = self.env.cr, request.session.uid
        found = [channel_with_db(cr.dbname, channel) for channel in data['channels']]
        answer = {'ticket': longpolling.ticket(cr, [feed_channel(json_dump(each)) for each in found], uid, seconds)}
        # All are what this transaction sees (Odoo's are REPEATABLE READ), so there is no gap between what is told here
        # and what follows the position. A page that has one is told what it may have missed on channels that are new to
        # it: what was said between its reading of the records and this. It knows by the ids what it was told already.
        answer['notifications'] = self.env['bus.bus']._poll(found, data['last'])
        if not known:
            answer['position'] = longpolling.position(cr)
        return answer

    def _as_guest(self, method, *arguments):
        """Call a method of this model with the guest of the cookie, if the module mail is there and knows one."""
        if 'mail.guest' not in self.env:
            return method(self, *arguments)
        from odoo.addons.mail.tools.discuss import add_guest_to_context
        return add_guest_to_context(method)(self, *arguments)
