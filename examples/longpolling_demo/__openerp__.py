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
    'data': ['security/ir.model.access.csv', 'views/menu_openerp.xml'],
    'js': ['static/src/js/wall_view.js', 'static/src/js/wall.js', 'static/src/js/wall_openerp.js'],
    'css': ['static/src/css/shell_openerp.css', 'static/src/css/wall.css'],
    'installable': True,
    'auto_install': False,
}
