# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
{
    'name': 'Odoo Bus over Long Polling',
    'version': '1.0.0',
    'category': 'Tools',
    'summary': 'Discuss, activities and presence where WebSockets do not get through',
    'description': """
The messages of Odoo's bus reach the browsers through the long polling sidecar, when a WebSocket can't be opened, or
dies.
""",
    'author': 'web_longpolling contributors',
    'license': 'AGPL-3',
    'depends': ['bus', 'web_longpolling'],
    'data': ['security/ir.model.access.csv', 'data/cron.xml'],
    'assets': {
        'bus.websocket_worker_assets': ['web_longpolling_bus/static/src/socket.js'],
        'web.assets_backend': ['web_longpolling_bus/static/src/leave*.js'],
        'web.assets_frontend': ['web_longpolling_bus/static/src/leave*.js'],
        # What guests, portal users of a project, and the point of sale have in place of these.
        'mail.assets_public': ['web_longpolling_bus/static/src/leave*.js'],
        'project.webclient': ['web_longpolling_bus/static/src/leave*.js'],
        'point_of_sale.base_app': ['web_longpolling_bus/static/src/leave*.js'],
    },
    'uninstall_hook': 'remove_traces',
    'installable': True,
    'auto_install': False,
}
