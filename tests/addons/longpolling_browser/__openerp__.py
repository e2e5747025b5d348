# -*- coding: utf-8 -*-
{
    'name': 'Long Polling Browser Tests',
    'version': '1.0',
    'category': 'Hidden',
    'summary': 'What the browser tests need of a server',
    'author': 'web_longpolling contributors',
    'license': 'AGPL-3',
    'depends': ['longpolling_demo'],
    'data': ['views/sample_openerp.xml'],
    'js': ['static/src/sample_openerp.js'],
    'installable': True,
    'auto_install': False,
}
