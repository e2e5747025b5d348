# -*- coding: utf-8 -*-
"""Model code that sends on Odoo's bus."""
import json
import time

from odoo import api, models
from odoo.addons.bus.models.bus import json_dump


class IrWebsocket(models.AbstractModel):
    _inherit = 'ir.websocket'

    def _on_websocket_closed(self, cookies):
        """A module that has a fault."""
        super()._on_websocket_closed(cookies)
        if self.env.user.login == 'unlucky':
            raise ValueError("this module has a fault")


class Sender(models.AbstractModel):
    _name = 'longpolling.bus.test'
    _description = "Sends on Odoo's bus"

    @api.model
    def send(self, channel, payloads, pause=0):
        """Send in one transaction, which goes on for `pause` seconds after the ids were given out.

        A savepoint, as there are many in Odoo's own code, writes the rows.
        """
        for payload in payloads:
            self.env['bus.bus']._sendone(channel, 'test', payload)
        if pause:
            with self.env.cr.savepoint():
                pass
            time.sleep(pause)
        return True

    @api.model
    def send_to_many(self, channels, payload):
        """Send to each; how many statements it took, and how many seconds."""
        for channel in channels:
            self.env['bus.bus']._sendone(channel, 'test', payload)
        before, begun = self.env.cr.sql_log_count, time.monotonic()
        self.env.cr.flush()
        return self.env.cr.sql_log_count - before, time.monotonic() - begun

    @api.model
    def write_row(self, channel, payload):
        """What Odoo's own code doesn't do: write the table, with text that is not ASCII."""
        self.env['bus.bus'].sudo().create({
            'channel': json_dump((self.env.cr.dbname, channel)),
            'message': json.dumps({'type': 'test', 'payload': payload}, ensure_ascii=False)})
        return True

    @api.model
    def send_to_users(self, ids, payload):
        for user in self.env['res.users'].browse(ids):
            user._bus_send('test', payload)
        return True

    @api.model
    def chat(self, partners):
        """The id of the chat of these and who asks."""
        return self.env['discuss.channel']._get_or_create_chat(partners).id

    @api.model
    def expire(self):
        """What the scheduled action does; how many browsers have left."""
        return self.env['web_longpolling_bus.connection']._expire()
