# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
{
    'name': 'Long Polling Demo',
    'version': '1.0',
    'category': 'Tools',
    'summary': 'A wall of notes that every window sees grow',
    'author': 'web_longpolling contributors',
    'license': 'AGPL-3',
    'depends': ['web_longpolling'],
    'data': ['security/ir.model.access.csv', 'views/menu_odoo.xml'],
    'assets': {
        'web.assets_backend': [
            'longpolling_demo/static/src/css/wall.css',
            'longpolling_demo/static/src/js/wall_view.js',
            'longpolling_demo/static/src/js/wall.js',
            'longpolling_demo/static/src/wall_odoo.js',
        ],
        'web.assets_web_dark': ['longpolling_demo/static/src/css/wall_dark.css'],
    },
    'installable': True,
    'auto_install': False,
}
