"""One event to N polls of N different sessions: `python3 -m benchmarks.crowd [N [USERS]]`.

Real users have a session each, and each of them is verified before its answer leaves. Beside it, in the same run, a
bare gevent.pywsgi that verifies nothing (the floor).
"""

import itertools
import json
import os
import shlex
import subprocess
import sys
import time

import psycopg2

from sandbox.paths import ROOT
from sandbox.run import privilege

from . import held, stack
from .client import Crowd, percentile

ATTEMPTS = 5        # the one whose last answer was the median counts
SECONDS = 120


class Session:
    """One of the sessions that were made, as `stack.Visitor` is one of a login."""

    def __init__(self, cookie: list[str], extra: dict):
        self.cookie = cookie
        self.extra = extra

    def request(self, route: str, **params) -> bytes:
        """The bytes of one poll."""
        body = json.dumps({**params, **self.extra})
        return (f'POST /openerplongpolling{route} HTTP/1.1\r\nHost: localhost\r\nCookie: {"=".join(self.cookie)}\r\n'
                f'Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}').encode()


def make_sessions(count: int, users: int) -> list[Session]:
    """That many sessions of that many users, by the host's own code in one process with the rights of its servers."""
    words = [os.environ['SANDBOX_PYTHON'], str(ROOT / 'benchmarks' / 'make_sessions.py'), str(ROOT / 'web_longpolling'),
             os.environ['SANDBOX_CONFIG'], os.environ['SANDBOX_DB'], str(count), str(users)]
    # env -i NAME=VALUE … and then the command itself
    variables = itertools.takewhile(lambda word: '=' in word, shlex.split(os.environ['SANDBOX_SIDECAR_CMD'])[2:])
    environment = dict(word.split('=', 1) for word in variables)
    made = subprocess.run(privilege.drop(words), env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout
    return [Session(**json.loads(line)) for line in made.splitlines()]


def one_event(name: str, crowd: Crowd, process: int, publish) -> dict[str, float]:
    """Publish to all; seconds from then to the first, median, 99th percentile and last answer, and of processor."""
    used = stack.processor(process)
    begun = publish()
    answers = crowd.gather(SECONDS)
    wrong = [answer.status for answer in answers if answer.status != 200]
    if wrong or len(answers) != len(crowd):
        raise SystemExit(f'{name}: {len(answers)} answers of {len(crowd)}, and {len(wrong)} of them no 200.')
    times = [answer.when - begun for answer in answers]
    found = {'first': min(times), 'median': percentile(times, .5),
             'p99': percentile(times, .99), 'last': max(times),
             'processor': stack.processor(process) - used}
    print(f'  {name:8} ' + ', '.join(f'{key} {value:.3f} s' for key, value in found.items()), flush=True)
    return found


def measure(name: str, url: str, requests, count: int, is_held, process: int, publish) -> dict[str, float]:
    """Hold all, publish, several times; what the median attempt gave."""
    found = []
    with Crowd(url, count) as crowd:
        for _ in range(ATTEMPTS):
            crowd.send(requests())
            is_held()
            stack.wait_until_idle(process)
            found.append(one_event(name, crowd, process, publish))
    return sorted(found, key=lambda times: times['last'])[len(found) // 2]


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    users = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    begun = time.monotonic()
    sessions = make_sessions(count, users)
    print(f'{stack.HOST}: {count} polls of {count} sessions of {users} users, made in {time.monotonic() - begun:.0f} s',
          flush=True)

    def requests():
        since = stack.position(sessions[0], [held.CHANNEL])
        return [session.request(held.ROUTE, channels=[held.CHANNEL], since=since) for session in sessions]

    writer = psycopg2.connect(stack.DSN)
    writer.autocommit = True

    def publish() -> float:
        """As the host's process does: a commit, and then the wake-up, of which the sidecar hears first."""
        with writer.cursor() as cursor:
            cursor.execute("INSERT INTO longpolling_event (channel, payload) VALUES (%s, %s)",
                           (held.CHANNEL, json.dumps({'text': 'benchmark'})))
            begun = time.monotonic()
            cursor.execute('NOTIFY longpolling_feed')
        return begun

    def release_floor() -> float:
        begun = time.monotonic()
        floor.release()
        return begun

    before = stack.resident(stack.PID)
    sidecar = measure('sidecar', stack.SIDECAR, requests, count, lambda: stack.wait_until_held(count), stack.PID,
                      publish)
    print(f'  sidecar: {(stack.resident(stack.PID) - before) / count / 1024:.1f} KiB resident a session afterwards, '
          f'{stack.connections()} connections to PostgreSQL')
    with stack.floor() as floor:
        bare = measure('floor', floor.url, requests, count, lambda: stack.wait_until_idle(floor.pid), floor.pid,
                       release_floor)
    print('ratio: ' + ', '.join(f'{key} {sidecar[key] / bare[key]:.2f}' for key in sidecar) + ' x the floor')


if __name__ == '__main__':
    main()
