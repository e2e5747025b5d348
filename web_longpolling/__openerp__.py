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
    'data': ['security/ir.model.access.csv', 'data/cron_openerp.xml'],
    # In the order in which they build on each other.
    'js': [
        'static/src/js/hub.js',
        'static/src/js/environment.js',
        'static/src/js/connection.js',
        'static/src/js/callbacks.js',
        'static/src/js/loop.js',
        'static/src/js/longpolling.js',
        'static/src/js/openerp.js',
    ],
    'installable': True,
    'auto_install': False,
}
