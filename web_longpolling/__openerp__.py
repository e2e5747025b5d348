# -*- coding: utf-8 -*-
{
    'name': 'Long Polling',
    'version': '1.0',
    'category': 'Tools',
    'summary': 'Tell a browser something the moment it happens',
    'description': """
Hold a browser's request until there is something to tell it, without a thread or a cursor for it:
a process of its own beside the server answers the polls.
""",
    'author': 'web_longpolling contributors',
    'license': 'AGPL-3',
    'depends': ['web'],
    'data': [],
    'js': [],
    'installable': True,
    'auto_install': False,
}
