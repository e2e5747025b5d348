"""Many viewers of one list that others write: `python3 -m benchmarks.viewers [VIEWERS [SECONDS [CHANGES A SECOND]]]`.

Each viewer is a session of its own that does what the page of `web_longpolling_live` does: it follows the 80 partners
that it shows, loads the list anew by the host's `search` and `read` when it is told to, at most once in 2 s, and is
quiet for a while about others when these change all the time. The writer changes partners by SQL, one in 25 of them a
shown one. Processor seconds of host and sidecar, beside the same writes with nobody looking.
"""

import asyncio
import collections
import itertools
import json
import os
import random
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2

from . import stack
from .client import percentile
from .crowd import make_sessions

MODEL = 'res.partner'
SHOWN = 80
PARTNERS = SHOWN * 25
PAUSE, JITTER, LONGEST = 2.0, 0.3, 30.0
OFTEN, WINDOW, PAUSES = 3, 30.0, (8.0, 16.0, 30.0)


def host_pids() -> list[int]:
    """The host's processes: those with the run's configuration that are no sidecar."""
    found = []
    for process in Path('/proc').glob('[0-9]*'):
        try:
            words = (process / 'cmdline').read_bytes().split(b'\0')
        except OSError:
            continue
        if os.environ['SANDBOX_CONFIG'].encode() in words and not any(b'server.py' in word or b'viewers' in word
                                                                      for word in words):
            found.append(int(process.name))
    return [pid for pid in found if stack.processor(pid) > 0]


async def exchange(url: str, request: bytes) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(request)
        head = (await reader.readuntil(b'\r\n\r\n')).decode('latin-1')
        headers = {name.lower(): value.strip() for name, _, value in
                   (line.partition(':') for line in head.split('\r\n')[1:])}
        status = int(head.split()[1])
        length = int(headers.get('content-length', 0))
        return status, headers, await reader.readexactly(length) if length else b''
    finally:
        writer.close()


class Viewer:
    told: list[float] = []
    reloads: list[float] = []
    failures: collections.Counter = collections.Counter()

    def __init__(self, session, ids):
        self.session = session
        self.ids = ids
        self.others: list[float] = []
        self.quiet = 0.0
        self.position: str | None = None
        self.read_at = time.monotonic()
        self.turns, self.loaded, self.pending = 0.0, 0.0, False
        self.turn: asyncio.Task | None = None       # in which it loads what it shows

    def request(self, route, position=None, **params) -> bytes:
        body = json.dumps({**params, **self.session.extra}).encode()
        since = f'X-Longpolling-Since: {position}\r\n' if position else ''
        return (f'POST {route} HTTP/1.1\r\nHost: localhost\r\nCookie: {self.session.cookie}\r\n{since}'
                f'Connection: close\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n'
                ).encode() + body

    async def reload(self):
        begun = time.monotonic()
        for method, args, kwargs in (
                ('search', [[]], {'limit': SHOWN}), ('read', [self.ids, ['name', 'email', 'phone', 'city']], {})):
            body = {'jsonrpc': '2.0', 'method': 'call', 'id': 1, 'params': {
                'model': MODEL, 'method': method, 'args': args, 'kwargs': kwargs, **self.session.extra}}
            suffix = '' if stack.HOST == 'openerp-7.0' else f'/{MODEL}/{method}'
            status, _, _ = await exchange(os.environ['SANDBOX_HOST_URL'], self.request(
                f'/web/dataset/call_kw{suffix}', **body))
            if status != 200:
                Viewer.failures['reload', status] += 1
        Viewer.reloads.append(time.monotonic() - begun)
        self.read_at = begun

    async def live(self, ends: float):
        while time.monotonic() < ends:
            now = time.monotonic()
            if self.quiet and now > self.quiet:
                self.quiet, self.position = 0.0, None
            params = {'model': MODEL, 'ids': self.ids, 'domain': [], 'others': not self.quiet,
                      'age': now - self.read_at}
            waking = min(ends, self.quiet or ends) - now
            try:
                status, headers, body = await asyncio.wait_for(exchange(stack.SIDECAR, self.request(
                    '/openerplongpolling/changes', self.position, **params)), max(waking, 0.05) + 0.5)
            except (asyncio.TimeoutError, OSError, asyncio.IncompleteReadError):
                continue
            self.position = headers.get('x-longpolling-position', self.position)
            if status not in (200, 204):
                Viewer.failures['poll', status] += 1
                await asyncio.sleep(1)
            elif status == 200:
                answer = json.loads(body)
                if answer['changed'] or answer['gone'] or answer['others']:
                    self.hear(answer)
                    await asyncio.sleep(PAUSE)
        if self.turn:
            self.turn.cancel()

    def hear(self, answer):
        now = time.monotonic()
        Viewer.told.append(now)
        if answer['others']:
            self.others = [*[when for when in self.others if now - when < WINDOW], now]
            often = len(self.others) - OFTEN
            if often > 0 and not self.quiet:
                self.quiet = now + PAUSES[min(often, len(PAUSES)) - 1] + random.random() * PAUSE    # noqa: S311
        self.turns = min(answer.get('within', 0), LONGEST)
        self.pending = True
        if self.turn is None or self.turn.done():
            self.turn = asyncio.create_task(self.catch_up())

    async def catch_up(self):
        """Load what it shows, as often as it hears of something, each time when its turn comes."""
        while self.pending:
            due = self.loaded + max(PAUSE, self.turns) - time.monotonic()
            await asyncio.sleep(due + random.random() * JITTER if due > 0 else             # noqa: S311
                                random.random() * max(self.turns, JITTER))                 # noqa: S311
            self.pending, self.loaded = False, time.monotonic()
            try:
                await self.reload()
            except (OSError, asyncio.IncompleteReadError):
                Viewer.failures['reload', 'no answer'] += 1


async def write(ends: float, rate: float, ids: list[int]):
    connection = psycopg2.connect(stack.DSN)
    connection.autocommit = True
    number = 0
    with connection.cursor() as cursor:
        begun = time.monotonic()
        while time.monotonic() < ends:
            cursor.execute("UPDATE res_partner SET city = %s, write_date = now() AT TIME ZONE 'UTC' WHERE id = %s",
                           (str(number), random.choice(ids)))      # noqa: S311
            cursor.execute('NOTIFY longpolling_feed')
            number += 1
            await asyncio.sleep(max(0, begun + number / rate - time.monotonic()))
    return number


async def measure(viewers: list[Viewer], seconds: float, rate: float, ids: list[int]):
    Viewer.told, Viewer.reloads, Viewer.failures = [], [], collections.Counter()
    hosts = host_pids()
    before = sum(map(stack.processor, hosts)), stack.processor(stack.PID)
    ends = time.monotonic() + seconds
    written, *_ = await asyncio.gather(write(ends, rate, ids), *(viewer.live(ends) for viewer in viewers))
    host, sidecar = sum(map(stack.processor, hosts)) - before[0], stack.processor(stack.PID) - before[1]
    print(f'  {len(viewers):4} viewers, {written / seconds:.1f} changes a second: host {host / seconds:.2f} and '
          f'sidecar {sidecar / seconds:.2f} of a core; {len(Viewer.reloads) / seconds:.1f} reloads a second'
          + (f', each took {percentile(Viewer.reloads, .5) * 1000:.0f} ms (p99 '
             f'{percentile(Viewer.reloads, .99) * 1000:.0f} ms)' if Viewer.reloads else '')
          + f', failures: {dict(Viewer.failures) or "none"}', flush=True)


def main():
    count, seconds, rate = (given or default for given, default in itertools.zip_longest(
        map(int, sys.argv[1:]), (500, 60, 10)))
    more = ('', '') if stack.HOST == 'openerp-7.0' else (', complete_name', ", 'A' || n")
    stack.sql(f"INSERT INTO res_partner (name, active, type{more[0]}) SELECT 'A' || n, true, 'contact'{more[1]} "
              f'FROM generate_series(1, {PARTNERS}) AS n')
    ids = [row[0] for row in stack.sql(f"SELECT id FROM res_partner WHERE name LIKE 'A%' ORDER BY id LIMIT {PARTNERS}")]
    sessions = make_sessions(count, min(count, 50))
    print(f'{stack.HOST}, {seconds:.0f} s each', flush=True)
    asyncio.run(measure([], seconds, rate, ids))
    asyncio.run(measure([Viewer(session, ids[:SHOWN]) for session in sessions], seconds, rate, ids))


if __name__ == '__main__':
    main()
