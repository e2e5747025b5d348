# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The commands that ``pip install`` makes: ``longpolling-server`` and ``oe``.

pip puts the addon where Odoo looks for addons, ``odoo/addons/`` of its site-packages, which is also a folder with no
other Python in it that OpenERP 7.0 can have on its ``addons_path``. The scripts of the addon must run before a host is
imported, so they are not imported from there: they are run as the files that they are, as ``python
web_longpolling/server.py`` does.
"""
import os
import runpy
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# The second one is that of a checkout: pip install --editable.
PLACES = (os.path.join(HERE, 'odoo', 'addons', 'web_longpolling'), os.path.join(HERE, 'web_longpolling'))


def longpolling_server():
    """The sidecar."""
    _run('server.py')


def oe():
    """The host's own server command, with this addon on its path."""
    _run('oe.py')


def _run(script):
    folder = [place for place in PLACES if os.path.isdir(place)][0]
    sys.path.insert(0, folder)      # as Python itself does for a script; both take it off again
    runpy.run_path(os.path.join(folder, script), run_name='__main__')
