# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
{
    'name': 'Live Views',
    'version': '1.0.0',
    'category': 'Tools',
    'summary': 'Lists and forms that show what a colleague changes',
    'description': """
What a colleague changes, everybody sees: without F5, without losing what one is typing, and only what one may read.
""",
    'author': 'web_longpolling contributors',
    'license': 'AGPL-3',
    'depends': ['web_longpolling'],
    'data': ['security/ir.model.access.csv', 'data/watched_openerp.xml', 'views/live_openerp.xml'],
    'js': ['static/src/js/follower.js', 'static/src/openerp/live.js', 'static/src/openerp/rows.js',
           'static/src/openerp/lists.js', 'static/src/openerp/presence.js', 'static/src/openerp/forms.js'],
    'css': ['static/src/css/live.css'],
    'installable': True,
    'auto_install': False,
}
