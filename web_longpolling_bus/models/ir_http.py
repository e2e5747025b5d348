# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""How a browser's worker learns which way its messages go."""
import base64
import functools
import hashlib
import os

from odoo import api, models
from odoo.addons.web_longpolling.longpolling import get_path, get_timeout
from odoo.tools import file_path

from ..parameters import seconds, transport

# Seconds after which a WebSocket that did not work is tried again, the first time.
RETRY = 60


@functools.lru_cache(maxsize=None)
def digest_of_script():
    """By which another release of the script is another worker."""
    with open(file_path(os.path.join('web_longpolling_bus', 'static', 'src', 'socket.js')), 'rb') as script:
        return hashlib.sha256(script.read()).hexdigest()[:8]


class IrHttp(models.AbstractModel):
    _inherit = 'ir.http'

    def session_info(self):
        return self._with_transport(super().session_info())

    @api.model
    def get_frontend_session_info(self):
        return self._with_transport(super().get_frontend_session_info())

    def _with_transport(self, info):
        """Add to the version of the worker how it is to work.

        It reaches the worker's address, so that a changed setting or script is another worker, and the socket's, from
        which ``socket.js`` takes it off again: the server compares versions.
        """
        way = transport(self.env)
        if way == 'websocket':
            return info
        path = base64.urlsafe_b64encode(get_path().encode()).decode().rstrip('=')
        return dict(info, websocket_worker_version='~'.join([
            info['websocket_worker_version'], way, path, str(int(get_timeout())),
            str(seconds(self.env, 'retry', RETRY)), digest_of_script()]))
