"""Many databases in one sidecar that was started without -d: `python3 -m benchmarks.many --databases 20`.

It brings up a stack of its own. The databases, copies of one, are polled for the first time one after the other, while
one that is loaded already is polled all the time and another program asks the sidecar every few milliseconds: the
longest that this takes is about how long the event loop stood still. Then somebody follows in each, and events are
published in all; meanwhile databases are copied, renamed, dropped and restored. At last some are dropped, and their
registries are freed. Printed are the times, the memory of each registry, and the connections.

``--install MODULE,MODULE`` makes the databases as large as those of real companies.
"""

import argparse
import contextlib
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import requests

from sandbox.build import HOSTS
from sandbox.run.process import base_environment
from sandbox.running import running
from tests.support.clients import Session
from tests.support.fixtures import ADDONS, INSTALL
from tests.support.pages import Page
from tests.support.programs import Programs
from tests.support.resource_baseline import resident_megabytes
from web_longpolling import publishing

from .client import percentile

# Seconds between two questions of the probe; and of the poller.
STEP = 0.005
# How many databases are forgotten at last; what the log says of each.
FORGOTTEN = 5
FREED = 'A registry that was given up is freed: '
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'longpolling%%' AND datname = ANY(%s)"
KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
# Asks for /health/live, which waits for no database, on one connection as often as it can, and writes how long each
# answer took, and for how long the threads of the sidecar and the probe itself could have worked meanwhile, but had no
# processor (proc(5), schedstat): a program of its own, so that nothing of this one delays it.
PROBE = """
import glob, socket, sys, time
host, port, step, pid = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
def waited():
    total = 0
    for path in glob.glob('/proc/%s/task/*/schedstat' % pid) + ['/proc/self/schedstat']:
        try:
            total += int(open(path).read().split()[1])
        except OSError:
            pass
    return total / 1e9
sock = socket.create_connection((host, port))
while True:
    before, began = waited(), time.monotonic()
    sock.sendall(b'GET /health/live HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')
    if not sock.recv(65536):
        break
    taken = time.monotonic() - began
    print(taken, waited() - before, flush=True)
    time.sleep(step)
"""


class Probe:
    """How long the sidecar took for each answer, in seconds, with and without waiting for a processor."""

    def __init__(self, address, pid):
        self.taken: list[tuple[float, float]] = []
        self._child = subprocess.Popen([sys.executable, '-c', PROBE, *map(str, (*address, STEP, pid))],
                                       stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        assert self._child.stdout
        for line in self._child.stdout:
            seconds, waited = map(float, line.split())
            self.taken.append((seconds, max(seconds - waited, 0)))

    def since(self, number: int) -> str:
        def told(taken):
            return (f'median {percentile(taken, .5) * 1000:.1f} ms, p99 {percentile(taken, .99) * 1000:.1f} ms, '
                    f'longest {max(taken) * 1000:.1f} ms')
        taken = self.taken[number:] or [(0, 0)]
        return (told([seconds for seconds, _ in taken]) + '; without waiting for a processor '
                + told([own for _, own in taken]) + f' ({len(taken)} values)')

    def close(self):
        self._child.kill()
        self._child.wait()


class Many:
    """The databases, and what is done with them."""

    def __init__(self, stack, count: int):
        self.stack = stack
        self.names = [f'many_{number}' for number in range(1, count + 1)]

    def sql(self, statement, parameters=None):
        with contextlib.closing(psycopg2.connect(self.stack.postgresql.dsn('postgres', 'postgres'))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else []

    def copy(self, source: str, target: str):
        self.sql(KILL, (source,))
        self.stack.postgresql.execute(f'CREATE DATABASE "{target}" OWNER openerp TEMPLATE "{source}"')

    def session(self, name: str) -> Session:
        return Session(self.stack.host, self.stack.host_url, name, self.stack.path).login()

    def connections(self) -> int:
        return self.sql(CONNECTIONS, (self.names,))[0][0]

    def publish(self, name: str, payload):
        with contextlib.closing(psycopg2.connect(self.stack.postgresql.dsn(name))) as connection, \
                connection.cursor() as cursor:
            publishing.publish(cursor, 'wall', payload)
            connection.commit()

    def restore(self, source: str, target: str):
        bin_folder, dsn = self.stack.tools.postgres_bin, self.stack.postgresql.dsn
        environment = base_environment(self.stack.folder)
        dumped = subprocess.run([bin_folder / 'pg_dump', '-Fc', '-Z0', dsn(source)], env=environment, check=True,
                                stdout=subprocess.PIPE).stdout
        self.stack.postgresql.create_database(target)
        subprocess.run([bin_folder / 'pg_restore', '-d', dsn(target)], env=environment, check=True, input=dumped)


def load_all(many, serving, sessions, probe) -> None:
    """The first poll of each, one after the other."""
    pid, seconds, memory = serving.child.pid, [], []
    before, begun = len(probe.taken), resident_megabytes(pid)
    for session in sessions:
        now, started = resident_megabytes(pid), time.monotonic()
        answer = session.poll('/who', url=serving.url)
        if answer.status_code != 200 or answer.json()['db'] != session.db:
            raise SystemExit(f'{session.db}: {answer.status_code} {answer.text}\n{serving.log[-5000:]}')
        seconds.append(time.monotonic() - started)
        memory.append(resident_megabytes(pid) - now)
    print(f'{len(sessions)} databases, first polls: first {seconds[0]:.2f} s, then median '
          f'{percentile(seconds[1:], .5):.2f} s, longest {max(seconds[1:]):.2f} s')
    print(f'memory: {begun:.0f} MB before; the first +{memory[0]:.1f} MB, each further one +'
          f'{sum(memory[1:]) / len(memory[1:]):.1f} MB; {resident_megabytes(pid):.0f} MB after')
    print(f'loop while they load: {probe.since(before)}')
    print(f'connections: {many.connections()} to all of them', flush=True)


def follow_all(many, serving, sessions) -> None:
    """Somebody follows in each, and one event reaches everybody in his own database."""
    pages = [Page(session.clone(), '/news/follow', {'channels': ['wall']}) for session in sessions]
    with ThreadPoolExecutor(len(pages)) as pool:
        for page in pages:
            page.poll(url=serving.url)
        held = [pool.submit(page.poll, url=serving.url) for page in pages]
        while requests.get(serving.url + '/health', timeout=30).json()['polls_held'] < len(pages):
            time.sleep(0.05)
        print(f'a follower in each: {many.connections()} connections')
        begun = time.monotonic()
        for session in sessions:
            many.publish(session.db, session.db)
        for session, answer in zip(sessions, held, strict=True):
            if [event['payload'] for event in answer.result().json()['events']] != [session.db]:
                raise SystemExit(f'{session.db}: {answer.result().text}')
    print(f'an event in each: all answered {time.monotonic() - begun:.2f} s after the first was published', flush=True)


def change(many, serving, sessions, probe) -> None:
    """Databases come, change and go; each is polled afterwards."""
    before = len(probe.taken)

    def served(name, session=None):
        session, until = session or many.session(name), time.monotonic() + 60
        while (answer := session.poll('/who', url=serving.url)).status_code != 200:
            if answer.status_code not in (401, 503) or time.monotonic() > until:
                raise SystemExit(f'{name}: {answer.status_code} {answer.text}')
            time.sleep(0.2)
        return answer.json()['db'] == name

    many.copy('original', 'many_new')
    print(f'created: {served("many_new")}')
    many.copy('many_1', 'many_double')
    print(f'duplicated: {served("many_double")}, and its source: {served("many_1", sessions[0])}')
    many.sql(KILL, ('many_2',))
    many.sql('ALTER DATABASE many_2 RENAME TO many_renamed')
    print(f'renamed: {served("many_renamed")}')
    many.sql('DROP DATABASE many_3 WITH (FORCE)')
    begun = time.monotonic()
    while (status := sessions[2].poll('/who', url=serving.url).status_code) == 503:
        time.sleep(0.2)
    print(f'dropped: {status} after {time.monotonic() - begun:.1f} s')
    many.restore('original', 'many_3')
    print(f'restored: {served("many_3", sessions[2])}')
    print(f'the others meanwhile: {all(served(session.db, session) for session in sessions[3:])}')
    print(f'loop meanwhile: {probe.since(before)}', flush=True)


def forget(many, serving, sessions, probe) -> None:
    """Databases are dropped while others are polled: how long the loop stands still when their registries are freed."""
    dropped = [session.db for session in sessions[-FORGOTTEN:]]
    before, freed = len(probe.taken), serving.log.count(FREED)
    for name in dropped:
        many.sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    for session in sessions[-FORGOTTEN:]:
        session.poll('/who', url=serving.url)       # nobody listens there any more: this is how it is noticed
    until = time.monotonic() + 200
    while serving.log.count(FREED) < freed + len(dropped) and 'Registries that were given up' not in serving.log:
        if time.monotonic() > until:
            raise SystemExit(f'nothing was freed:\n{serving.log[-5000:]}')
        time.sleep(0.2)
    print(f'{len(dropped)} forgotten; loop meanwhile: {probe.since(before)}')
    print('\n'.join(line for line in serving.log.splitlines() if FREED in line or 'Registries that were' in line),
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--databases', type=int, default=20, help='how many (default: %(default)s)')
    parser.add_argument('--host', choices=HOSTS, default='odoo-19.0')
    parser.add_argument('--install', default='', metavar='MODULES', help='modules to install beside')
    chosen = parser.parse_args()
    more = [name for name in chosen.install.split(',') if name]
    with running(chosen.host, addons=ADDONS, install=[*INSTALL, *more], options={'dbfilter': '.*'},
                 sidecar=False) as stack:
        many = Many(stack, chosen.databases)
        many.copy(stack.db, 'original')
        for name in many.names:
            many.copy('original', name)
        sessions = [many.session(name) for name in many.names]
        many.copy('original', 'many_polled')
        polled = many.session('many_polled')
        programs = Programs(stack)
        config = programs.config('many', db_name=None)
        with programs.serving('-c', config, '-p', programs.port()) as serving:
            probe = Probe(serving.address, serving.child.pid)
            time.sleep(2)
            print(f'{chosen.host}\nloop, idle: {probe.since(0)}')
            before = len(probe.taken)
            polled.poll('/who', url=serving.url)
            print(f'loop while the first one and the code of all is loaded: {probe.since(before)}', flush=True)
            polls, over = [], threading.Event()

            def poll_all_the_time():
                while not over.is_set():
                    begun = time.monotonic()
                    status = polled.poll('/who', url=serving.url).status_code
                    polls.append((time.monotonic() - begun, status))
                    over.wait(0.02)

            poller = threading.Thread(target=poll_all_the_time)
            poller.start()
            load_all(many, serving, sessions, probe)
            over.set()
            poller.join()
            taken = [seconds for seconds, _ in polls]
            print(f'polls of another database meanwhile: {len(polls)}, median {percentile(taken, .5) * 1000:.0f} ms, '
                  f'longest {max(taken) * 1000:.0f} ms; status {sorted({status for _, status in polls})}')
            follow_all(many, serving, sessions)
            change(many, serving, sessions, probe)
            forget(many, serving, sessions, probe)
            probe.close()
            log = serving.log
            print(f'its log: {log.count("Traceback")} tracebacks, {log.count(" WARNING ")} warnings')


if __name__ == '__main__':
    main()
