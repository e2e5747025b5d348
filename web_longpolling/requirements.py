# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What the scripts need beside the host, and one sentence for whoever runs them with another Python.

Imported first of all, from the script's own folder: it needs nothing but the standard library.
"""
import importlib
import os
import sys

# The packages to import, and what they are called where they are installed from: PyPI, Debian.
SIDECAR = (('gevent', 'gevent', 'python3-gevent'), ('psycopg2', 'psycopg2-binary', 'python3-psycopg2'),
           ('psycogreen', 'psycogreen', 'python3-psycogreen'),
           ('prometheus_client', 'prometheus_client', 'python3-prometheus-client'),
           ('werkzeug', 'werkzeug', 'python3-werkzeug'))

# The same, of the hosts.
HOST = SIDECAR[1:2]


def problem(packages):
    """One sentence with what this Python lacks of `packages`, as SIDECAR, and how to install it; None if nothing."""
    missing, reason = [], None
    for name, on_pypi, in_debian in packages:
        try:
            importlib.import_module(name)
        except ImportError as error:
            missing.append((name, on_pypi, in_debian))
            reason = reason or error
    if not missing:
        return None
    names = ', '.join(name for name, _, _ in missing)
    lacks = "This Python, %s, can't import %s" % (sys.executable, names)
    if str(reason).replace("'", '').split()[-1] != missing[0][0]:      # it is there, and does not fit
        lacks += " (%s)" % ' '.join(str(reason).split())
    return "%s: run the command with the Python of your server, or install what is missing with '%s'." % (
        lacks, _command(missing))


def _command(missing):
    if _is_managed():
        return 'apt install ' + ' '.join(in_debian for _, _, in_debian in missing)
    return '%s -m pip install %s' % (sys.executable, ' '.join(on_pypi for _, on_pypi, _ in missing))


def _is_managed():
    """Whether this is the Python of a distribution, whose pip refuses to install anything (PEP 668)."""
    if sys.version_info[0] < 3 or sys.prefix != sys.base_prefix:
        return False
    import sysconfig
    return os.path.exists(os.path.join(sysconfig.get_path('stdlib'), 'EXTERNALLY-MANAGED'))
