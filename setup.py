# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
# OpenERP's Python 2.7 runs this file too.
# ruff: noqa: UP009, UP020, UP025
"""Install the addon, and the commands `oe` and `longpolling-server`, beside OpenERP or Odoo.

    pip install .

Use the pip of the Python that runs your server. The server itself and psycopg2 are not asked for
here: they are there already, under one of several names (psycopg2 or psycopg2-binary, odoo or openerp-core).
"""
import ast
import io
import os
import re

from setuptools import find_packages, setup

HERE = os.path.dirname(os.path.abspath(__file__))
# The folders of the checkout that are installed as addons.
ADDONS = [name for name in ('web_longpolling', 'web_longpolling_bus', 'web_longpolling_live')
          if os.path.isdir(os.path.join(HERE, name))]


def text(*names):
    """The contents of those of these files that there are."""
    parts = []
    for name in names:
        path = os.path.join(HERE, name)
        if os.path.exists(path):
            with io.open(path, encoding='utf-8') as part:
                parts.append(part.read())
    # PyPI has no files of the checkout to show.
    return re.sub(r'(?m)^\.\. image::.*\n(?: .*\n)*', '', u'\n\n'.join(parts))


def version():
    """The manifest's: the hosts read it as a literal, so it stands there and nowhere else."""
    with open(os.path.join(HERE, 'web_longpolling', '__manifest__.py'), 'rb') as manifest:
        return ast.literal_eval(ast.parse(manifest.read(), mode='eval'))['version']


setup(
    name='web_longpolling',
    version=version(),
    description='Long polling for OpenERP and Odoo: tell a browser something the moment it happens',
    long_description=text('README.rst', 'CHANGES.rst'),
    long_description_content_type='text/x-rst',
    author='web_longpolling contributors',
    license='AGPL-3.0-only',
    classifiers=[
        'Development Status :: 4 - Beta',
        'Environment :: Web Environment',
        'Framework :: Odoo',
        'Framework :: Odoo :: 19.0',
        'License :: OSI Approved :: GNU Affero General Public License v3',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 2.7',
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
    packages=['odoo.addons.' + name for name in find_packages(HERE) if name.split('.')[0] in ADDONS],
    package_dir=dict(('odoo.addons.' + name, name) for name in ADDONS),
    py_modules=['web_longpolling_commands'],
    include_package_data=True,      # what MANIFEST.in names: the hosts read scripts and records as files
    zip_safe=False,
    # The Pythons of the hosts: 2.7 of OpenERP 7.0, 3.10 and newer of Odoo 19.0.
    python_requires='>=2.7,!=3.0.*,!=3.1.*,!=3.2.*,!=3.3.*,!=3.4.*,!=3.5.*,!=3.6.*,!=3.7.*,!=3.8.*,!=3.9.*',
    install_requires=['gevent>=22.10.2,<27', 'prometheus_client', 'psycogreen', 'werkzeug'],
    entry_points={'console_scripts': [
        'oe = web_longpolling_commands:oe',
        'longpolling-server = web_longpolling_commands:longpolling_server',
    ]},
    options={'bdist_wheel': {'python_tag': 'py2.py3'}},     # one source serves both
)
