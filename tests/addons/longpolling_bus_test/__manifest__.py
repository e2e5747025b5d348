# -*- coding: utf-8 -*-
{
    'name': 'Tests of Odoo\'s bus over long polling',
    'version': '1.0.0',
    'author': 'web_longpolling contributors',
    'license': 'AGPL-3',
    'depends': ['bus'],
    'installable': True,
}
