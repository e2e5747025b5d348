# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What the sidecar serves: the messages of the bus, to whoever has a ticket for their channels."""
from odoo.addons.web_longpolling.longpolling import longpolling


@longpolling.route('/web_longpolling_bus/messages', mustbeauthenticated=False)
def messages(request, ticket, **kwargs):
    return request.follow(request.ticket(ticket))


@longpolling.route('/web_longpolling_bus/open', mustbeauthenticated=False)
def is_open(request, **kwargs):
    """Answered at once: a browser asks whether there is a sidecar before it takes its connection for open."""
    return True
