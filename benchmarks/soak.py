"""Hours of mixed polls while everything around the sidecar comes and goes: `python3 -m benchmarks.soak --minutes 60`.

It brings up a stack of its own. Time is compressed: polls end after five seconds instead of sixty, sessions live for a
round, and a restart that happens once a month in production happens every few minutes. Each round has a crowd of
followers, waiters and pollers, half of them through nginx, and one fault in its midst. At its end each follower must
have found exactly the events of the table. Printed are memory, descriptors, greenlets and connections at the start and
the end, and what was lost.
"""

import argparse
import collections
import contextlib
import itertools
import os
import signal
import socket
import time

import psycopg2

from sandbox.build import HOSTS
from sandbox.running import running
from tests.conftest import ADDONS, INSTALL
from tests.faults.background_load import BackgroundLoad
from tests.support.clients import visit
from tests.support.resource_baseline import Baseline, resident_megabytes

OPTIONS = {'longpolling_timeout': '5', 'dbfilter': '.*'}
# How many poll in a round, and how many log in and out during one.
FOLLOWERS, LISTENERS, POLLERS = 60, 40, 12
COME_AND_GO = 10
PEOPLE = 4


def nothing(stack):
    """A round without a fault."""


def sessions_come_and_go(stack):
    """Users log in, poll, and log out while their polls are held."""
    for number in range(COME_AND_GO):
        session = visit(stack, f'person{number % PEOPLE}')
        with contextlib.closing(socket.create_connection(('127.0.0.1', stack.sidecars[0].port), 10)) as held:
            name, value = session.cookie
            held.sendall(f'GET {stack.path}/hold/never HTTP/1.1\r\nHost: x\r\nCookie: {name}={value}\r\n\r\n'.encode())
            session.poll('/sample/user')
            session.logout()


def postgresql_restarts(stack):
    stack.restart_postgresql()


def postgresql_crashes(stack):
    stack.restart_postgresql('immediate')


def connections_are_ended(stack):
    with contextlib.closing(psycopg2.connect(stack.superuser_dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                       "WHERE application_name LIKE 'longpolling%'")


def nginx_reloads(stack):
    stack.nginx.change()


def the_host_restarts(stack):
    stack.stop_host()
    stack.start_host()


def logs_are_rotated(stack):
    os.kill(stack.sidecar_pid, signal.SIGHUP)


def strangers_send_nonsense(stack):
    """Malformed heads, cookies and bodies, and connections that are opened and forgotten."""
    for nonsense in (b'\0' * 4096, b'GET / HTTP/1.1\r\nHost: x\r\nCookie: ' + b';' * 60_000 + b'\r\n\r\n',
                     b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n' + b'[' * 1_000_000,
                     b'GET / HTTP/1.1\r\nHost', b'') * 20:
        with contextlib.closing(socket.create_connection(('127.0.0.1', stack.sidecars[0].port), 10)) as connection, \
                contextlib.suppress(OSError):
            connection.sendall(nonsense)


FAULTS = (nothing, sessions_come_and_go, connections_are_ended, strangers_send_nonsense, nginx_reloads,
          postgresql_restarts, logs_are_rotated, the_host_restarts, postgresql_crashes)


def one_round(stack, people, number: int, fault, answers: collections.Counter) -> str | None:
    """Polls of all kinds with one fault among them; what was lost, or None."""
    load = BackgroundLoad(stack, people, f'soak-{number}', followers=FOLLOWERS, listeners=LISTENERS, pollers=POLLERS,
                          allowed=(200, 204, 503, 'broken'), nginx=(502, 504))
    try:
        with load as present:
            present.wait(2)
            fault(stack)
            present.wait(4)
    except AssertionError as wrong:
        return str(wrong)
    finally:
        answers.update(load.answers)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--minutes', type=float, default=60, help='how long it goes on (default: %(default)s)')
    parser.add_argument('--host', choices=HOSTS, default='odoo-19.0')
    chosen = parser.parse_args()
    with running(chosen.host, addons=ADDONS, install=INSTALL, options=OPTIONS) as stack:
        admin = visit(stack, stack.login, stack.password)
        for number in range(PEOPLE):
            admin.create_user(f'person{number}', f'person{number}')
        people = [visit(stack, f'person{number}') for number in range(PEOPLE)]
        watcher, lost = people[0].clone(), []
        answers: collections.Counter = collections.Counter()
        one_round(stack, people, 0, nothing, answers)       # what is made once and kept is there
        time.sleep(2)
        start, answers = Baseline.of(stack, watcher), collections.Counter()
        print(f'start: {start}', flush=True)
        begun, rounds = time.monotonic(), 0
        for rounds, fault in enumerate(itertools.cycle(FAULTS), 1):
            wrong = one_round(stack, people, rounds, fault, answers)
            if wrong:
                lost.append(f'round {rounds} ({fault.__name__}): {wrong}')
            minutes = (time.monotonic() - begun) / 60
            print(f'{minutes:6.1f} min, round {rounds}, {fault.__name__}: {wrong or "nothing lost"}; '
                  f'{resident_megabytes(stack.sidecar_pid):.0f} MB', flush=True)
            if minutes >= chosen.minutes:
                break
        time.sleep(10)
        end = Baseline.of(stack, watcher)
        log = stack.log('sidecar')
    print(f'start: {start}')
    print(f'end:   {end}')
    print(f'{sum(answers.values())} answers in {rounds} rounds: '
          + ', '.join(f'{count} x {status} ({way})' for (status, way), count in sorted(answers.items(), key=str)))
    print(f'{log.count("Traceback")} tracebacks and {log.count(" WARNING ")} warnings in the log of the sidecar')
    print(f'lost: {"; ".join(lost) or "nothing"}')


if __name__ == '__main__':
    main()
