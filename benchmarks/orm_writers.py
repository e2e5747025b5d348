"""What publishing costs the writers of a real host: `python3 -m benchmarks.orm_writers --host H --rounds R`.

As `benchmarks.writers` (which see for the columns), but the transactions are those of the real host: each writer is a
process with the host's registry, as with `workers`, and writes a partner by the ORM, with or without
`longpolling.publish`, and commits. The wake-ups are the addon's own, and a sidecar listens to them.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import time

import psycopg2

from sandbox.build import HOSTS
from sandbox.paths import ROOT
from sandbox.run import privilege
from sandbox.run.process import base_environment
from sandbox.running import running

from .writers import DELAYS, KINDS, WRITERS, Measured, cell

# Of PostgreSQL: the sandbox's own settings trade these for speed.
DURABLE = {'fsync': 'on', 'full_page_writes': 'on', 'synchronous_commit': 'on', 'commit_siblings': '0'}


class Writer:
    """A process that writes by the host's ORM."""

    def __init__(self, stack):
        words = [stack.python, ROOT / 'benchmarks' / 'orm_writer.py', ROOT / 'web_longpolling', stack.config, stack.db]
        self.process = subprocess.Popen(
            privilege.drop([str(word) for word in words]), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**base_environment(stack.folder), **stack.installation.environment})

    def wait_ready(self):
        assert self.process.stdout
        if self.process.stdout.readline() != 'ready\n':
            raise SystemExit(f'A writer did not start, and ended with status {self.process.wait()}.')

    def begin(self, kind: str, seconds: float):
        assert self.process.stdin
        self.process.stdin.write(f'{kind} {seconds}\n')
        self.process.stdin.flush()

    def result(self) -> list[float]:
        """Milliseconds of each of its transactions."""
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def end(self):
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(30)


def measure(writers: list[Writer], kind: str, seconds: float) -> Measured:
    for writer in writers:
        writer.begin(kind, seconds)
    took = [one for writer in writers for one in writer.result()]
    return Measured(len(took) / seconds, statistics.median(took))


def set_up(stack, settings: dict):
    """Set them in PostgreSQL, from now on."""
    with contextlib.closing(psycopg2.connect(stack.superuser_dsn)) as connection:
        connection.autocommit = True
        for name, value in settings.items():
            connection.cursor().execute(f'ALTER SYSTEM SET {name} = %s', (value,))
        connection.cursor().execute('SELECT pg_reload_conf()')
    time.sleep(1)


def main():
    parser = argparse.ArgumentParser(prog='python3 -m benchmarks.orm_writers', description=__doc__.splitlines()[0])
    parser.add_argument('--host', choices=list(HOSTS), default='odoo-19.0')
    parser.add_argument('--seconds', type=float, default=4, help='of each measurement (default: %(default)s)')
    parser.add_argument('--rounds', type=int, default=3, help='of which the median counts (default: %(default)s)')
    chosen = parser.parse_args()
    with running(chosen.host) as stack:
        set_up(stack, DURABLE)
        with contextlib.ExitStack() as ending:
            writers = []
            for _ in range(max(WRITERS)):
                writers.append(Writer(stack))
                ending.callback(writers[-1].end)
                if len(writers) % (os.cpu_count() or 1) == 0:
                    for writer in writers[-(os.cpu_count() or 1):]:
                        writer.wait_ready()
                    print(f'{len(writers)} writers are ready', flush=True)
            print(f'{"a flush":>8} {"writers":>8} | ' + ' | '.join(
                f'{kind:>10} a s {"ms":>7} {"ratio":>6}' for kind in KINDS), flush=True)
            for delay in DELAYS:
                set_up(stack, {'commit_delay': str(delay * 1000)})
                for count in WRITERS:
                    rounds = [{kind: measure(writers[:count], kind, chosen.seconds) for kind in KINDS}
                              for _ in range(chosen.rounds)]
                    print(f'{delay:>5} ms {count:>8} | ' + ' | '.join(cell(rounds, kind) for kind in KINDS), flush=True)


if __name__ == '__main__':
    main()
