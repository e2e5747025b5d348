"""What publishing costs the writers: `python3 -m benchmarks.writers [--seconds S] [--rounds R] [--bare]`.

Commits a second and the median time of a transaction, of 1, 8 and 32 writers, on a disk that flushes at once and on one
that takes 5 ms (`commit_delay`, `commit_siblings = 0`), for transactions that

    plain     do an ordinary transaction's work
    row       do the same and insert a row into a table with the columns of the feed and no index: the least that a
              publish can cost
    publish   do the same and publish an event, whose wake-ups follow the commits as `wake_up.WakeUps` sends them
    notify    do the same and send a NOTIFY inside the transaction, which PostgreSQL delivers under a lock that it holds
              during the flush

as ratios to `plain` in the same run; they take turns, and the median of the rounds counts. The cluster is the
benchmark's own, with fsync on; the writers are pgbench's, which costs little itself. An ordinary transaction is what a
write of one record by the ORM of OpenERP or Odoo sends: reads, an UPDATE, more reads, another UPDATE (`--bare`: a
single INSERT, the least that there is). Wake-ups: below 100 commits a second and process each commit has its own, on
the connection that has committed; above that each of the four processes sends 100 a second, beside the writers.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg2

from sandbox.build import build_tools
from sandbox.run import privilege
from sandbox.run.process import base_environment
from sandbox.run.rundir import RunFolder
from sandbox.servers import postgres
from web_longpolling import publishing, schema, wake_up

from .figures import Figure

WRITERS = (1, 8, 32)
DELAYS = (0, 5)         # milliseconds that a flush takes beyond what the disk needs
KINDS = ('plain', 'row', 'publish', 'notify')
PROCESSES = 4           # of a host
ROWS = 40               # of each writer's own: they do not wait for one another's locks
READS = "SELECT id, name FROM work WHERE id IN (:row, :row + 1);\n" * 4
WRITE = "UPDATE work SET name = 'written {}', write_date = now() WHERE id = :row;\n"
WORK = rf'\set row :client_id * {ROWS} + random(1, {ROWS - 1})'  + '\n{}'
ORDINARY = WORK.format('BEGIN;\n' + READS + WRITE.format('once') + READS + WRITE.format('twice') + '{}COMMIT;\n')
BARE = WORK.format("BEGIN;\nINSERT INTO work (name) VALUES ('written');\n{}COMMIT;\n")
EVENT = publishing._PUBLISH % ("'record-:row'", "'{\"id\": :row}'") + ';\n'
ADDED = {
    'plain': '',
    'row': EVENT.replace('longpolling_event', 'unindexed'),
    'publish': EVENT,
    'notify': "SELECT pg_notify('peer', ':row');\n",
}


class Measured(NamedTuple):
    """Commits a second, and the median milliseconds of a transaction."""

    rate: float
    median: float


class Cluster:
    """A PostgreSQL of its own, which flushes."""

    def __init__(self, tools, folder):
        self.tools = tools
        self.folder = folder
        place = folder.path / 'postgresql'
        place.mkdir(mode=0o700)
        privilege.give(place)
        password = postgres.initialise(tools, folder, place)
        with (place / 'postgresql.conf').open('a') as file:
            file.write('fsync = on\nfull_page_writes = on\nsynchronous_commit = on\ncommit_siblings = 0\n'
                       'shared_buffers = 256MB\nmax_wal_size = 2GB\n')
        self.server = postgres.PostgreSQL(tools, folder, place, password)

    def __enter__(self) -> 'Cluster':
        self.server.start()
        self.server.create_role()
        self.server.create_database('benchmark')
        self.dsn = self.server.dsn('benchmark')
        for statement in ("CREATE TABLE ir_config_parameter (key varchar, value text)",
                          "CREATE TABLE work (id serial PRIMARY KEY, name varchar, write_date timestamp)",
                          f"INSERT INTO work (name) SELECT 'name' FROM generate_series(0, {ROWS * max(WRITERS)})"):
            execute(self.dsn, statement)
        with contextlib.closing(psycopg2.connect(self.dsn)) as connection, connection.cursor() as cursor:
            schema.create(cursor)
            cursor.execute("CREATE TABLE unindexed (LIKE longpolling_event INCLUDING DEFAULTS)")
            connection.commit()
        return self

    def __exit__(self, *error):
        self.server.stop()

    def set_delay(self, milliseconds: int):
        superuser = self.server.dsn('benchmark', postgres.SUPERUSER)
        execute(superuser, f'ALTER SYSTEM SET commit_delay = {milliseconds * 1000}')
        execute(superuser, 'SELECT pg_reload_conf()')

    def measure(self, script: str, writers: int, seconds: float) -> Measured:
        """Let pgbench run the script with so many writers."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, 'script.sql')
            path.write_text(script)
            environment = {**base_environment(self.folder), 'PGPASSWORD': self.server.password}
            subprocess.run([
                self.tools.postgres_bin / 'pgbench', '-n', '-M', 'simple', '-f', path, '-c', str(writers),
                '-j', str(min(writers, os.cpu_count() or 1)), '-T', str(int(seconds)), '-l', '--log-prefix',
                Path(folder, 'log'), self.dsn], env=environment, check=True, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            # A line a transaction: the client, its number, microseconds, …
            took = [int(line.split()[2]) for log in Path(folder).glob('log*') for line in log.read_text().splitlines()]
        return Measured(len(took) / int(seconds), statistics.median(took) / 1000)


def execute(dsn, statement):
    with contextlib.closing(psycopg2.connect(dsn)) as connection:
        connection.autocommit = True
        connection.cursor().execute(statement)


@contextlib.contextmanager
def waking_up(dsn, processes: int):
    """Beside the block, the wake-ups of so many processes that publish all the time."""
    over = threading.Event()

    def run():
        with contextlib.closing(psycopg2.connect(dsn)) as connection:
            while not over.wait(wake_up.PAUSE):
                wake_up.send(connection)
    threads = [threading.Thread(target=run) for _ in range(processes)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def one_round(cluster: Cluster, script: str, writers: int, seconds: float) -> dict[str, Measured]:
    plain = cluster.measure(script.format(''), writers, seconds)
    row = cluster.measure(script.format(ADDED['row']), writers, seconds)
    processes = min(writers, PROCESSES)
    if plain.rate / processes < 1 / wake_up.PAUSE:
        publish = cluster.measure(script.format(ADDED['publish']) + f'NOTIFY {wake_up.CHANNEL};\n', writers, seconds)
    else:
        with waking_up(cluster.dsn, processes):
            publish = cluster.measure(script.format(ADDED['publish']), writers, seconds)
    notify = cluster.measure(script.format(ADDED['notify']), writers, seconds)
    return {'plain': plain, 'row': row, 'publish': publish, 'notify': notify}


@contextlib.contextmanager
def cluster():
    folder = RunFolder.create()
    try:
        with Cluster(build_tools(), folder) as one:
            yield one
    finally:
        folder.remove()


def figures(quick: bool) -> Iterator[Figure]:
    """Those of one round: ordinary transactions."""
    with cluster() as one:
        for delay in DELAYS:
            one.set_delay(delay)
            for writers in (8,) if quick else WRITERS:
                for kind, measured in one_round(one, ORDINARY, writers, 1 if quick else 4).items():
                    flush = f', a flush of {delay} ms more' if delay else ''
                    yield Figure(kind, f'commits{flush}', writers, measured.rate, '/s')
                    yield Figure(kind, f'a transaction{flush}, median', writers, measured.median, 'ms')


def main():
    parser = argparse.ArgumentParser(prog='python3 -m benchmarks.writers', description=__doc__.splitlines()[0])
    parser.add_argument('--seconds', type=int, default=4, help='of each measurement (default: %(default)s)')
    parser.add_argument('--rounds', type=int, default=3, help='of which the median counts (default: %(default)s)')
    parser.add_argument('--bare', action='store_true', help='transactions of a single INSERT')
    chosen = parser.parse_args()
    with cluster() as one:
        print(f'{"a flush":>8} {"writers":>8} | ' + ' | '.join(
            f'{kind:>10} a s {"ms":>7} {"ratio":>6}' for kind in KINDS), flush=True)
        for delay in DELAYS:
            one.set_delay(delay)
            for writers in WRITERS:
                rounds = [one_round(one, BARE if chosen.bare else ORDINARY, writers, chosen.seconds)
                          for _ in range(chosen.rounds)]
                print(f'{delay:>5} ms {writers:>8} | ' + ' | '.join(cell(rounds, kind) for kind in KINDS), flush=True)


def cell(rounds, kind) -> str:
    rate, median, ratio = (statistics.median(values) for values in zip(*(
        (*one[kind], one[kind].rate / one['plain'].rate) for one in rounds), strict=True))
    return f'{rate:>14.0f} {median:>7.2f} {ratio:>6.2f}'


if __name__ == '__main__':
    begun = time.monotonic()
    main()
    print(f'{time.monotonic() - begun:.0f} s')
