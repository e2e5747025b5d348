# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
{
    'name': 'Long Polling',
    'version': '1.0.0',
    'category': 'Tools',
    'summary': 'Tell a browser something the moment it happens',
    'description': """
Hold a browser's request until there is news for it, without a thread or a cursor for it:
a process of its own beside the server answers the polls.
""",
    'author': 'web_longpolling contributors',
    'license': 'AGPL-3',
    'depends': ['web'],
    'data': ['security/ir.model.access.csv', 'data/cron_odoo.xml'],
    'assets': {
        # In the order in which they build on each other.
        'web_longpolling.assets': [
            'web_longpolling/static/src/js/hub.js',
            'web_longpolling/static/src/js/environment.js',
            'web_longpolling/static/src/js/connection.js',
            'web_longpolling/static/src/js/callbacks.js',
            'web_longpolling/static/src/js/loop.js',
            'web_longpolling/static/src/js/longpolling.js',
            'web_longpolling/static/src/longpolling.js',
        ],
        'web.assets_backend': [('include', 'web_longpolling.assets')],
        # Public pages: they poll routes that need no login.
        'web.assets_frontend': [('include', 'web_longpolling.assets')],
    },
    'installable': True,
    'auto_install': False,
}
