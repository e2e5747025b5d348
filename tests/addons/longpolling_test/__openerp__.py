# -*- coding: utf-8 -*-
{
    'name': 'Long Polling Tests',
    'version': '1.0',
    'category': 'Hidden',
    'summary': 'Controllers for the contract tests',
    'author': 'web_longpolling contributors',
    'license': 'AGPL-3',
    'depends': ['web_longpolling'],
    'data': ['security/ir.model.access.csv'],
    'installable': True,
    'auto_install': False,
}
