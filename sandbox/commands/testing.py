"""`test`: every check of the project, the quick ones first; the first that fails ends the run.

    ruff            the whole repository
    mypy            the sandbox, the benchmarks and what the tests share
    byte-compiling  the addons, by the Python 2.7 of OpenERP 7.0
    tsc             the scripts' JSDoc types
    Node            tests/js/*.test.mjs, by the Node that comes inside Playwright's Python package
    Sphinx          doc/, where a warning is an error
    unit tests      tests/unit, with the coverage of web_longpolling
    pytest          everything else below tests/: what needs no host, then all hosts side by side

With arguments for pytest there is one run of it with these, in place of the last ones, and no coverage: it makes the
unit tests take half as long again. What each part took is printed at the end. The exit status is that of the part that
failed (5: pytest found no test).

Coverage is measured in the unit tests alone: in a sidecar it more than halves the answers a second, and tests of time
limits would measure that.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ..build import HOSTS, Tools, build, build_tools
from ..errors import SandboxError
from ..paths import ROOT, SANDBOX
from .typescript import check_types

UNIT = 'tests/unit'
COVERAGE = SANDBOX / 'coverage'
# What must run on Python 2.7 as well. A module that is for one host alone is compiled too: whoever packs or lists an
# addon compiles all of it.
PYTHON_27 = ('web_longpolling', 'web_longpolling_bus', 'web_longpolling_live', 'examples', 'tests/addons')

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


class Part(NamedTuple):
    """One check: what it is called, and what runs it and returns its exit status."""

    title: str
    run: Callable[[], int]


def test(pytest_arguments: list[str]) -> int:
    """Run the checks; returns the exit status of the first that fails, otherwise 0."""
    tools = build_tools()
    python_27 = {host: build(host) for host in HOSTS}['openerp-7.0'].python
    return run_parts([*checks(tools, python_27), *pytest(tools, pytest_arguments)])


def run_parts(parts: list[Part]) -> int:
    """Run them until one fails, and print how long each took."""
    took, status = [], 0
    for part in parts:
        print(f'== {part.title}', flush=True)
        begun = time.monotonic()
        status = part.run()
        took.append(f'  {time.monotonic() - begun:7.1f} s  {part.title}')
        if status:
            took[-1] += f': failed with status {status}'
            break
    print('\n'.join(['What each part took:', *took]), file=sys.stderr, flush=True)
    return status


def checks(tools: Tools, python_27: Path) -> list[Part]:
    """Everything but pytest."""
    folders = [name for name in PYTHON_27 if (ROOT / name).is_dir()]
    scripts = [path.relative_to(ROOT) for path in sorted((ROOT / 'tests' / 'js').glob('*.test.mjs'))]
    return [
        command('ruff', tools.python, '-m', 'ruff', 'check', '.'),
        command('mypy', tools.python, '-m', 'mypy'),
        command('byte-compiling by Python 2.7', python_27, '-c', COMPILE, *folders),
        Part('tsc', lambda: check_types(node(tools))),
        command('JavaScript in Node', node(tools), '--test', *scripts),
        # -E: from what it read an earlier time, it would not warn again.
        command('Sphinx', tools.python, '-m', 'sphinx', '-W', '-n', '-q', '-E', '-b', 'html',
                'doc', SANDBOX / 'doc'),
    ]


def pytest(tools: Tools, arguments: list[str]) -> list[Part]:
    """The runs of pytest: two without arguments, otherwise one with them."""
    measured = [tools.python, '-m', 'coverage', 'run', f'--data-file={COVERAGE}', '-m', 'pytest']
    report = command('coverage of web_longpolling in the unit tests', tools.python, '-m', 'coverage', 'report',
                     f'--data-file={COVERAGE}')
    if not arguments:
        others = [tools.python, '-m', 'pytest', 'tests', f'--ignore={UNIT}', '--durations=25', '--durations-min=5']
        return [command('unit tests', *measured, UNIT),
                command('pytest without a host', *others, '--on-hosts=never'),
                side_by_side('pytest', {host: [*others, '--on-hosts=only', f'--host={host}'] for host in HOSTS}),
                report]
    return [command('pytest', tools.python, '-m', 'pytest', *arguments)]


def command(title: str, *words: object) -> Part:
    """A part that is a program, run in the checkout."""
    def run() -> int:
        return subprocess.run([str(word) for word in words], check=False, cwd=ROOT, stdin=subprocess.DEVNULL,
                              env=environment()).returncode
    return Part(title, run)


def side_by_side(title: str, commands: dict[str, list]) -> Part:
    """A part of several programs that run at the same time: they wait for servers and clocks most of the time.

    What the first one prints is seen at once, what the others print when all have ended. The status is that of the
    first that failed.
    """
    def run() -> int:
        first, *others = commands
        with contextlib.ExitStack() as stack:
            outputs = {name: stack.enter_context(tempfile.TemporaryFile('w+')) for name in others}
            running = {name: subprocess.Popen([str(word) for word in words], cwd=ROOT, stdin=subprocess.DEVNULL,
                                              env=environment(), stdout=outputs.get(name), stderr=outputs.get(name))
                       for name, words in commands.items()}
            print(f'({first}; what {" and ".join(others)} prints meanwhile follows)', flush=True)
            try:
                statuses = {name: process.wait() for name, process in running.items()}
            except BaseException:
                for process in running.values():
                    process.send_signal(signal.SIGINT)
                for process in running.values():
                    process.wait()
                raise
            for name, output in outputs.items():
                output.seek(0)
                print(f'({name})\n{output.read()}', flush=True)
        return next((status for status in statuses.values() if status), 0)
    return Part(title, run)


def node(tools: Tools) -> Path:
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
