"""`test`: every check of the project, the quick ones first; the first that fails ends the run.

    ruff            the whole repository
    byte-compiling  the addons, by the Python 2.7 of OpenERP 7.0
    Node            tests/js/*.test.mjs, by the Node that comes inside Playwright's Python package
    pytest          everything below tests/, on every host

pytest comes last and closes with its own summary; its exit status (5: it found no test) is that of `test`.
"""

import os
import subprocess
import sys
from pathlib import Path

from ..build import HOSTS, build, build_tools
from ..errors import SandboxError
from ..paths import ROOT

# What must run on Python 2.7 as well. A module that is for one host alone is compiled too: whoever packs or lists an
# addon compiles all of it.
PYTHON_27 = ('web_longpolling', 'examples', 'tests/addons')

COMPILE = """
import io, os, sys
count = 0
for top in sys.argv[1:]:
    for folder, _, names in os.walk(top):
        for name in sorted(names):
            if name.endswith('.py'):
                path = os.path.join(folder, name)
                compile(io.open(path, 'rb').read(), path, 'exec')
                count += 1
print('%d files compile on Python %d.%d' % ((count,) + sys.version_info[:2]))
"""


def test(pytest_arguments: list[str]) -> int:
    """Run the checks; returns the exit status of the first that fails, otherwise 0."""
    tools = build_tools()
    installations = {host: build(host) for host in HOSTS}
    python_27 = installations['openerp-7.0'].python
    folders = [name for name in PYTHON_27 if (ROOT / name).is_dir()]
    checks = [
        ('ruff', [tools.python, '-m', 'ruff', 'check', '.']),
        ('byte-compiling by Python 2.7', [python_27, '-c', COMPILE, *folders]),
        *javascript(tools),
        ('pytest', [tools.python, '-m', 'pytest', *pytest_arguments]),
    ]
    for title, command in checks:
        print(f'== {title}', flush=True)
        status = subprocess.run([str(word) for word in command], check=False, cwd=ROOT, stdin=subprocess.DEVNULL,
                                env=environment()).returncode
        if status:
            print(f'sandbox: {title} failed with status {status}.', file=sys.stderr)
            return status
    return 0


def javascript(tools):
    """The check of the scripts' own tests, none if there are no such tests."""
    files = sorted((ROOT / 'tests' / 'js').glob('*.test.mjs'))
    if not files:
        return []
    return [('JavaScript in Node', [node(tools), '--test', *(path.relative_to(ROOT) for path in files)])]


def node(tools) -> Path:
    """The Node of the Playwright package: pinned with it, the same on every machine."""
    found = subprocess.run(
        [tools.python, '-c', 'import os, playwright; print(os.path.join(playwright.__path__[0], "driver", "node"))'],
        stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    if not os.access(found, os.X_OK):
        raise SandboxError(f'There is no Node at {found}: remove .sandbox/tools and start again, so that the test '
                           'tools are installed anew.')
    return Path(found)


def environment() -> dict[str, str]:
    """The caller's, without what would change a verdict: a plug-in path, options from outside, a proxy."""
    unwanted = ('PYTHONPATH', 'PYTEST_ADDOPTS', 'NODE_OPTIONS', 'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY',
                'http_proxy', 'https_proxy', 'all_proxy')
    return {name: value for name, value in os.environ.items() if name not in unwanted}
