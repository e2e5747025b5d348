"""The browser of the browser tests: Debian's Chromium, driven by Playwright's Python package.

Playwright's own download of a browser is not used: the machine's package manager is, since it checks what it installs.
"""

import os
import shutil
import subprocess
from pathlib import Path

from ..errors import SandboxError
from ..progress import step

NAMES = ('chromium', 'chromium-browser', 'google-chrome')

# Without these Chromium asks servers of its own for updates and features, and OpenERP 7.0's pages ask apps.openerp.com
# for pictures; the tests talk to 127.0.0.1 alone.
FLAGS = (
    '--host-resolver-rules=MAP erp.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
)


def chromium() -> Path:
    """The program; installed if it is missing and we are root. Raises SandboxError with what to do otherwise."""
    found = _installed()
    if found is None:
        if os.geteuid() != 0 or not shutil.which('apt-get'):
            raise SandboxError('The browser tests need Chromium: install it (Debian: apt-get install chromium) and '
                               'start again.')
        with step('Installing Chromium, for the browser tests'):
            _apt_get('update')
            _apt_get('install', '--yes', '--no-install-recommends', 'chromium', 'fonts-dejavu-core')
        found = _installed()
        if found is None:
            raise SandboxError('Chromium was installed, but there is no program "chromium" on the path.')
    return Path(found)


def flags() -> list[str]:
    """How to start it here. Chromium refuses its own sandbox to root."""
    return [*FLAGS, *(['--no-sandbox'] if os.geteuid() == 0 else [])]


def _installed() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def _apt_get(*words: str):
    done = subprocess.run(['apt-get', *words], check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'})
    if done.returncode:
        raise SandboxError(f'The browser tests need Chromium, and "apt-get {" ".join(words)}" failed: '
                           f'{done.stdout.strip()[-500:]}')
