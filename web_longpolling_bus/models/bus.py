# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Whatever is written to the bus is published, in the same transaction."""
from odoo import api, models
from odoo.addons.web_longpolling.longpolling import longpolling

from ..channels import feed_channel, payloads


class Bus(models.Model):
    _inherit = 'bus.bus'

    @api.model_create_multi
    def create(self, vals_list):
        # All of _sendone arrives here, just before the commit; there is no other writer.
        messages = super().create(vals_list)
        longpolling.publish_many(self.env.cr, (
            (feed_channel(message.channel or ''), payload)
            for message in messages for payload in payloads(message.id, message.message or '')))
        return messages
