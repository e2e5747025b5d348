# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
{
    'name': 'Live Views',
    'version': '1.0.0',
    'category': 'Tools',
    'summary': 'Lists, kanbans and forms that show what a colleague changes',
    'description': """
What a colleague changes, everybody sees: without F5, without losing what one is typing, and only what one may read.
""",
    'author': 'web_longpolling contributors',
    'license': 'AGPL-3',
    'depends': ['web_longpolling'],
    'data': ['security/ir.model.access.csv', 'data/watched_odoo.xml', 'views/live_odoo.xml'],
    'assets': {
        'web.assets_backend': [
            'web_longpolling_live/static/src/js/follower.js',
            'web_longpolling_live/static/src/css/live.css',
            'web_longpolling_live/static/src/odoo/live.js',
            'web_longpolling_live/static/src/odoo/bar.js',
            'web_longpolling_live/static/src/odoo/conflicts.js',
            'web_longpolling_live/static/src/odoo/lists.js',
            'web_longpolling_live/static/src/odoo/form.js',
            'web_longpolling_live/static/src/odoo/live.xml',
        ],
        'web.assets_web_dark': ['web_longpolling_live/static/src/css/live_dark.css'],
        'web.assets_backend_lazy': ['web_longpolling_live/static/src/odoo/charts.js'],
    },
    'installable': True,
    'auto_install': False,
}
