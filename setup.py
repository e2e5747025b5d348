# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
# OpenERP's Python 2.7 runs this file too.
"""Install an addon, and with web_longpolling the commands `oe` and `longpolling-server`, beside OpenERP or Odoo.

    pip install .
    LONGPOLLING_ADDON=web_longpolling_live pip install .

Use the pip of the Python that runs your server. The server itself and psycopg2 are not asked for
here: they are there already, under one of several names (psycopg2 or psycopg2-binary, odoo or openerp-core).
"""
import ast
import io
import os
import re
import sys

from setuptools import find_packages, setup

HERE = os.path.dirname(os.path.abspath(__file__))
# Each addon of the checkout is a distribution of its own; this file builds one of them. The source distribution, which
# has the whole checkout in it, is the first one's.
ADDONS = ('web_longpolling', 'web_longpolling_bus', 'web_longpolling_live')
ADDON = os.environ.get('LONGPOLLING_ADDON') or ADDONS[0]
if ADDON not in ADDONS:
    sys.exit('LONGPOLLING_ADDON is %s, but must be one of %s.' % (ADDON, ', '.join(ADDONS)))
# The address of the repository, once it is published somewhere: PyPI shows it, and what the README leads to.
REPOSITORY = ''
# Until then the page on PyPI, which has the README and the changes.
PAGE = 'https://pypi.org/project/%s/' % ADDON.replace('_', '-')


def manifest(addon):
    with open(os.path.join(HERE, addon, '__manifest__.py'), 'rb') as text:
        return ast.literal_eval(ast.parse(text.read(), mode='eval'))


def page(*names):
    """The page on PyPI, of these files: without pictures, and without links to files of the checkout."""
    parts = []
    for name in names:
        path = os.path.join(HERE, name)
        if os.path.exists(path):
            with io.open(path, encoding='utf-8') as part:
                parts.append(part.read())
    text = re.sub(r'(?m)^\.\. image::.*\n(?: .*\n)*', '', u'\n\n'.join(parts))
    link = r'`\1 <%s/blob/%s/\2>`__' % (REPOSITORY, VERSION) if REPOSITORY else r'\1 (``\2``)'
    return re.sub(r'`([^`<]+?)\s+<((?!\w+:)[^`>]+)>`_+', link, text)


# The hosts read it as a literal, so it stands in the manifest and nowhere else.
VERSION = manifest(ADDONS[0])['version']
FIRST = ADDON == ADDONS[0]
DESCRIPTION = 'Long polling for OpenERP and Odoo: tell a browser something the moment it happens'
# The bus is Odoo 19.0's alone; the others run on the Pythons of both hosts, 2.7 and 3.10 and newer.
BOTH_HOSTS = os.path.exists(os.path.join(HERE, ADDON, '__openerp__.py'))
NOT_FOR = ''.join(',!=3.%d.*' % minor for minor in range(10))

setup(
    name=ADDON,
    version=VERSION,
    description=DESCRIPTION if FIRST else manifest(ADDON)['summary'],
    long_description=page('README.rst', 'CHANGES.rst') if FIRST else (
        manifest(ADDON)['description'].strip() + '\n\nAn addon on top of `web_longpolling '
        '<https://pypi.org/project/web-longpolling/>`__, which has the documentation.\n'),
    long_description_content_type='text/x-rst',
    author='web_longpolling contributors',
    license='AGPL-3.0-only',
    url=REPOSITORY or PAGE,
    project_urls={'Changes': '%s/blob/%s/CHANGES.rst' % (REPOSITORY, VERSION) if REPOSITORY else PAGE},
    classifiers=[
        'Development Status :: 5 - Production/Stable',
        'Environment :: Web Environment',
        'Framework :: Odoo',
        'Framework :: Odoo :: 19.0',
        'License :: OSI Approved :: GNU Affero General Public License v3',
        'Operating System :: POSIX :: Linux',
    ] + ['Programming Language :: Python :: 2.7'] * BOTH_HOSTS + [
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Programming Language :: Python :: 3.13',
        'Topic :: Internet :: WWW/HTTP',
    ],
    # Odoo finds an addon in odoo/addons of any folder of Python's path, since neither is a package with an
    # __init__.py (odoo/modules/module.py looks through odoo.addons.__path__); OCA's wheels lie there too. For
    # OpenERP 7.0 `oe` puts that folder on the addons path, and nothing else is in it.
    packages=['odoo.addons.' + name for name in find_packages(HERE) if name.split('.')[0] == ADDON],
    package_dir={'odoo.addons.' + ADDON: ADDON},
    py_modules=['web_longpolling_commands'] if FIRST else [],
    include_package_data=True,      # what MANIFEST.in names: the hosts read scripts and records as files
    zip_safe=False,
    python_requires='>=2.7' + NOT_FOR if BOTH_HOSTS else '>=3.10',
    install_requires=['gevent>=22.10.2,<27', 'prometheus_client', 'psycogreen', 'werkzeug'] if FIRST else [
        ADDONS[0] + '==' + VERSION],
    entry_points={'console_scripts': [
        'oe = web_longpolling_commands:oe',
        'longpolling-server = web_longpolling_commands:longpolling_server',
    ]} if FIRST else {},
    options={
        'bdist_wheel': {'python_tag': 'py2.py3' if BOTH_HOSTS else 'py3'},      # one source serves both
        # Whatever lies there already is packed too, so each has a folder of its own.
        'build': {'build_base': os.path.join('build', ADDON)},
    },
)
