"""Odoo's own tests of its modules bus and mail, without and with web_longpolling_bus:
`.sandbox/tools/environment/bin/python -m tests.support.odoo_suite`.

It prints which of them fail with the addon alone, and ends with the status 1 if any does. Debian's package of Odoo has
the tests; those that want a browser skip themselves, and some fail in Odoo as it is. It takes some ten minutes.
"""

import argparse
import re
import sys
import time
from typing import NamedTuple

from sandbox.errors import SandboxError
from sandbox.run.process import run_once
from sandbox.running import running

HOST = 'odoo-19.0'
MODULES = ('bus', 'mail')
ADDON = 'web_longpolling_bus'
SECONDS = 3600      # that one of the two runs may take

# As Odoo's log says them: a test, or a part of one, and at the end how many there were.
FAILED = re.compile(r' ERROR \S+ odoo\.\S+: (?:FAIL|ERROR): (.+)')
COUNTED = re.compile(r'(\d+) failed, (\d+) error\(s\) of (\d+) tests')


class Outcome(NamedTuple):
    """What one run found: how many tests there were, and the names of those that failed."""

    number: int
    failed: set[str]


def outcome(log: str) -> Outcome:
    """What the log of a run says.

    :raises SystemExit: if it does not say how many tests there were
    """
    counted = COUNTED.findall(log)
    if not counted:
        raise SystemExit('Odoo has run no tests; the end of its log:\n' + '\n'.join(log.splitlines()[-20:]))
    return Outcome(int(counted[-1][2]), {name.strip() for name in FAILED.findall(log)})


def run(install: list[str], tags: str) -> Outcome:
    """Run them in a database with these modules."""
    with running(HOST, install=install, sidecar=False) as stack:
        stack.stop_host()       # its port is the one at which the tests ask Odoo
        log = stack.log_dir / 'odoo-suite.log'
        words = [*stack.installation.server, '-c', stack.config, '-d', stack.db, '-u', ','.join(MODULES),
                 '--test-tags', tags, '--stop-after-init']
        try:
            run_once(stack.folder, words, log, name='odoo-suite', seconds=SECONDS,
                     environment=stack.installation.environment)
        except SandboxError:
            if not COUNTED.search(log.read_text(errors='replace')):
                raise           # it ends with a status when tests fail, too
        return outcome(log.read_text(errors='replace'))


def main() -> int:
    """The exit status."""
    top = argparse.ArgumentParser(prog='python -m tests.support.odoo_suite', description=__doc__.split('\n\n')[0])
    top.add_argument('--tags', default=','.join(f'/{module}' for module in MODULES), metavar='TAGS',
                     help="which tests, as Odoo's --test-tags (default: %(default)s)")
    tags = top.parse_args().tags
    found = []
    for install in (['mail'], ['mail', ADDON]):
        begun = time.monotonic()
        found.append(run(install, tags))
        print(f'{", ".join(install)}: {found[-1].number} tests, {len(found[-1].failed)} failures, '
              f'{time.monotonic() - begun:.0f} s', flush=True)
    without, with_it = found
    for title, names in ((f'Fails with {ADDON} alone', with_it.failed - without.failed),
                         ('Fails in both', with_it.failed & without.failed),
                         (f'Fails without {ADDON} alone', without.failed - with_it.failed)):
        print(f'{title}: {len(names)}', *sorted(names), sep='\n    ')
    return 1 if with_it.failed - without.failed else 0


if __name__ == '__main__':
    sys.exit(main())
