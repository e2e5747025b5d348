# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What OpenERP 7.0 itself serves: where the polls go, and how long they last."""
from openerp.addons.web import http

from .. import settings


class Configuration(http.Controller):
    _cp_path = '/web_longpolling'

    @http.jsonrequest
    def configuration(self, request):
        """``session.rpc('/web_longpolling/configuration', {})``: {path, timeout in seconds}."""
        return {'path': settings.read('longpolling_path'), 'timeout': settings.read('longpolling_timeout')}
