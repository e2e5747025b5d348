"""Every measurement beside its floor and its peers: what `python3 -m sandbox bench` runs.

For each host a stack without a sidecar comes up, in which `rounds` measures; programs start the processes that they
measure themselves, anew each time. The result is one JSON file with all rounds; `report` makes the table and the
pictures of it, and `--compare` holds it against an older one.
"""

import argparse
import contextlib
import datetime
import importlib.metadata
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sandbox.build import HOSTS, Installation, build, build_odoo14, build_tools
from sandbox.paths import ROOT
from sandbox.running import running

from . import report
from .figures import summed_up, worse

RESULTS = ROOT / 'benchmarks' / 'results'
PROGRAMS = ('held', 'bus', 'discuss', 'latency', 'herd', 'throughput')
ONLY_ON = {'discuss': 'odoo-19.0'}      # what is not for every host
ALONE = ('writers',)        # its PostgreSQL is its own, and no host is needed
ROUNDS = 3
# Where web_longpolling_bus is installed, what is written to Odoo's bus is published as well: before the commit with
# which the others start the clock, and its wake-up follows that of Odoo's bus. None of their figures has a part of it.
INSTALL = {'openerp-7.0': ['longpolling_test'], 'odoo-19.0': ['longpolling_test', 'web_longpolling_bus']}
VERSIONS = 'import gevent, sys; print("Python %s, gevent %s" % (sys.version.split()[0], gevent.__version__))'
# The host of Odoo starts itself anew when a request takes longer than limit_time_real, as one of a storm may.
OPTIONS = {'longpolling_timeout': '600', 'longpolling_max_held': '20000', 'longpolling_max_held_per_session': '20000',
           'limit_time_real': '3600'}


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog='python3 -m sandbox bench', description=__doc__.split('\n\n')[0])
    top.add_argument('--host', action='append', choices=HOSTS, help='only this host (default: all)')
    top.add_argument('--quick', action='store_true', help='one round of small sizes: do the programs work?')
    top.add_argument('--only', action='append', choices=(*PROGRAMS, *ALONE), metavar='NAME',
                     help=f'only this measurement, of {", ".join((*PROGRAMS, *ALONE))}; may be given several times')
    top.add_argument('--rounds', type=int, default=None, help=f'of each measurement (default: {ROUNDS})')
    top.add_argument('--odoo-14', action='store_true',
                     help="measure Odoo 14.0's bus of long polls as well, in held and latency; installs it first "
                          '(110 MB to download, 400 MB on the disk)')
    top.add_argument('--compare', type=existing, metavar='OLD.json',
                     help='print what has become worse than the spread since this result')
    top.add_argument('--into', type=Path, default=RESULTS, metavar='DIR',
                     help='where the result goes (default: benchmarks/results)')
    return top


def existing(word: str) -> Path:
    if not Path(word).is_file():
        raise argparse.ArgumentTypeError(f'there is no file {word}')
    return Path(word)


def main(words: list[str]) -> int:
    """The exit status: 1 if a measurement failed."""
    chosen = parser().parse_args(words)
    for number in (signal.SIGINT, signal.SIGTERM):      # also in the background, where a shell has SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    old = report.read(chosen.compare) if chosen.compare else None
    rounds = chosen.rounds or (1 if chosen.quick else ROUNDS)
    hosts = chosen.host or list(HOSTS)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, 'rounds.jsonl')
        file.touch()
        about = machine(hosts, rounds, chosen.quick)
        if chosen.odoo_14:
            about['odoo-14.0'] = versions(build_odoo14())
        try:
            measure_all(chosen, hosts, rounds, file)
        except KeyboardInterrupt:
            about['stopped'] = 'before all was measured'
        found = [json.loads(line) for line in file.read_text().splitlines()]
    if not found:
        print('Nothing was measured.')
        return 1
    about['seconds it took'] = f'{time.monotonic() - begun:.0f}'
    result = {'about': about, 'rounds': found}
    path = keep(result, chosen.into, chosen.quick)
    print(f'{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}: the result; the table and the '
          'pictures are beside it')
    if old is not None:
        print(*(worse(summed_up(old['rounds']), summed_up(found)) or ['Nothing has become worse than the spread.']),
              sep='\n')
    failed = [one for one in found if one['failure']]
    for one in failed:
        print(f'FAILED: {one["host"]}, {one["program"]}: {one["failure"]}')
    return 1 if failed or 'stopped' in about else 0


def measure_all(chosen, hosts: list[str], rounds: int, file: Path):
    """Measure what was chosen, each host in a stack of its own."""
    more = {'SANDBOX_ODOO_14': 'yes'} if chosen.odoo_14 else {}
    for program in ALONE:
        if not chosen.only or program in chosen.only:
            measure({}, file, rounds, chosen.quick, [program])
    for host in hosts:
        programs = programs_on(host, chosen.only)
        if not programs:
            continue
        with running(host, addons=[ROOT / 'tests' / 'addons'], install=INSTALL[host], options=OPTIONS,
                     sidecar=False) as stack:
            measure({**stack.environment(), **more}, file, rounds, chosen.quick, programs)


def programs_on(host: str, only: list[str] | None = None) -> list[str]:
    """Those that there are for this host, as far as they are wanted."""
    return [program for program in PROGRAMS
            if ONLY_ON.get(program, host) == host and (not only or program in only)]


def measure(variables: dict[str, str], file: Path, rounds: int, quick: bool, programs: list[str]):
    """Let `rounds` measure in a process of its own, so that each host begins with the same client."""
    without = {name: value for name, value in os.environ.items() if not name.startswith('SANDBOX_')}
    subprocess.run([sys.executable, '-m', 'benchmarks.rounds', file, str(rounds), *(['--quick'] if quick else []),
                    *programs], env={**without, **variables}, cwd=ROOT, check=False)


def keep(result: dict, folder: Path, quick: bool) -> Path:
    """Write the result, the table and the pictures; returns the path of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    name = 'quick' if quick else result['about']['date'].replace(':', '').replace(' ', '-')
    path = folder / f'{name}.json'
    path.write_text(json.dumps(result, indent=None) + '\n')
    report.write(path)
    return path


def machine(hosts: list[str], rounds: int, quick: bool) -> dict[str, str]:
    """What a figure depends on."""
    processor = next((line.partition(':')[2].strip() for line in Path('/proc/cpuinfo').read_text().splitlines()
                      if line.startswith('model name')), platform.machine())
    memory = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    about = {
        'date': datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%d %H:%M'),
        'rounds': f'{rounds}, of small sizes' if quick else str(rounds),
        'machine': f'{os.cpu_count()} x {processor}, {memory / 2 ** 30:.0f} GiB, Linux {platform.release()}',
        'load at the beginning': f'{os.getloadavg()[0]:.1f}',
        'client': f'Python {platform.python_version()}, psycopg2 {importlib.metadata.version("psycopg2-binary")}',
        'commit': said(['git', '-C', str(ROOT), 'describe', '--always', '--dirty']),
        'PostgreSQL': said([str(build_tools().postgres_bin / 'postgres'), '--version']),
    }
    for host in hosts:
        about[host] = versions(build(host))
    return about


def versions(installation: Installation) -> str:
    """Of a host's Python and gevent."""
    return said([str(installation.python), '-c', VERSIONS])


def said(words: list[str]) -> str:
    with contextlib.suppress(OSError):
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip() or 'unknown'
    return 'unknown'


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
