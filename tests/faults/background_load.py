"""Some two hundred polls that are held, and more that come and go, over bare connections in one event loop."""

import asyncio
import collections
import contextlib
import json
import threading
import time
from urllib.parse import urlsplit

import psycopg2

from tests.support.pages import POSITION, SINCE, following
from web_longpolling import publishing

FOLLOWERS = 120
LISTENERS = 80
POLLERS = 20
# Seconds between two polls of a poller, and after an answer that asks to poll later.
STROLL = 0.2
LATER = 0.25
# Seconds between two publications.
WRITE = 0.5
END = 'the end'
# In which all of them are held at first, or come to their end, on a busy machine.
SECONDS = 60


class Wrong(AssertionError):
    """An answer that nobody may get, or an event that came twice or not at all."""


class BackgroundLoad:
    """`with BackgroundLoad(...) as present`: they poll until the block ends, half of them through nginx, half directly.

    A publisher goes on meanwhile. At the end of the block an event is published that ends the followers, and it is
    checked that each has found all events of the table, in order; and that all answers were those of a page's own
    user, with one of the statuses that are allowed.

    answers     a Counter of (status, 'nginx' or 'direct'); the status 'broken' is a connection without an answer
    """

    def __init__(self, stack, people, channel, *, urls=None, allowed=(200, 204, 503), nginx=(), followers=FOLLOWERS,
                 listeners=LISTENERS, pollers=POLLERS, publish=True, size=0):
        self.stack = stack
        self.people = people
        self.channel = channel
        self.urls = urls or [('nginx', stack.url), ('direct', stack.sidecar_url)]
        self.allowed = {'nginx': {*allowed, *nginx}, 'direct': set(allowed)}
        self.sizes = followers, listeners, pollers
        self.publisher = Publisher(stack.dsn, channel, size) if publish else None
        self.answers: collections.Counter = collections.Counter()
        self.retry_after: collections.Counter = collections.Counter()
        self._slowest = 0.0
        self._asked = {}        # since when the pollers wait
        self.found = []
        self.over = False
        self._failure = None
        self._ready = threading.Event()

    def __enter__(self) -> 'BackgroundLoad':
        self.since = following(self.people[0].clone(), self.channel).position
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        if self.publisher:
            self.publisher.start()
        return self

    def __exit__(self, kind, *error):
        self.over = True
        if self.publisher:
            self.publisher.end()
        self._publish_the_end()
        deadline = time.monotonic() + SECONDS
        while self._thread.is_alive() and time.monotonic() < deadline:
            self._notify_the_end()        # again and again: listeners may just be on their way
            self._thread.join(LATER)
        if kind is None:
            if self._failure:
                raise self._failure
            assert not self._thread.is_alive(), f'they did not come to their end: {dict(self.answers)}'
            self._check()

    def _publish_the_end(self):
        with contextlib.closing(psycopg2.connect(self.stack.dsn)) as connection, connection.cursor() as cr:
            publishing.publish(cr, self.channel, END)
            connection.commit()

    def _notify_the_end(self):
        with contextlib.closing(psycopg2.connect(self.stack.dsn)) as connection, connection.cursor() as cr:
            publishing.publish(cr, f'{self.channel}-end')
            connection.commit()

    def _check(self):
        with contextlib.closing(psycopg2.connect(self.stack.dsn)) as connection, connection.cursor() as cr:
            cr.execute("SELECT id, payload FROM longpolling_event WHERE channel = %s ORDER BY id", (self.channel,))
            kept = [(number, json.loads(payload)) for number, payload in cr.fetchall()]
        if self.publisher:
            assert {payload for _, payload in kept}.issuperset(self.publisher.committed)
        wrong = sum(found != kept for found in self.found)
        assert not wrong, f'{wrong} followers have found something else than the {len(kept)} events'

    def wait(self, times: int = 1):
        """Wait until as many polls more have been answered with 200 as there are pollers, so many times."""
        wanted, begun = self.fine() + times * self.sizes[2], time.monotonic()
        while self.fine() < wanted:
            assert self._thread.is_alive(), self._failure
            assert time.monotonic() - begun < SECONDS, f'nobody is answered any more: {dict(self.answers)}'
            time.sleep(0.05)

    def slowest(self) -> float:
        """Seconds of the slowest answer to a poller since this was asked last, or of one that still waits."""
        now, slowest = time.monotonic(), self._slowest
        self._slowest = 0.0
        return max([slowest, *(now - asked for asked in list(self._asked.values()))])

    def fine(self) -> int:
        return sum(count for (status, _), count in self.answers.items() if status == 200)

    # The event loop

    def _run(self):
        try:
            asyncio.run(self._all())
        except BaseException as error:  # noqa: BLE001  handed to who waits for the end
            self._failure = error

    async def _all(self):
        followers, listeners, pollers = self.sizes
        await asyncio.gather(*(self._follow(*self._somebody(number)) for number in range(followers)),
                             *(self._listen(*self._somebody(number)) for number in range(listeners)),
                             *(self._stroll(*self._somebody(number)) for number in range(pollers)))

    def _somebody(self, number: int):
        way, url = self.urls[number % len(self.urls)]
        return way, url, self.people[number // len(self.urls) % len(self.people)]

    async def _follow(self, way, url, person):
        found: list[tuple] = []
        since = self.since
        self.found.append(found)
        while not found or found[-1][1] != END:
            answer = await self._poll(way, url, person, '/news/follow', {'channels': [self.channel], 'since': since})
            if answer is not None:
                if 'missed' in answer:
                    raise Wrong('a follower got the mark that it has missed something')
                found += [(event['id'], event['payload']) for event in answer['events']]
                since = answer['position']

    async def _listen(self, way, url, person):
        position = [self.since]
        while not self.over:
            await self._poll(way, url, person, '/news/wait', {'channels': [self.channel, f'{self.channel}-end']},
                             position)

    async def _stroll(self, way, url, person):
        while not self.over:
            me = asyncio.current_task()
            self._asked[me] = time.monotonic()
            answer = await self._poll(way, url, person, '/who', {})
            if answer is not None:
                self._slowest = max(self._slowest, time.monotonic() - self._asked.pop(me))
                if answer['uid'] != person.uid or answer['again'] != person.uid:
                    raise Wrong(f'user {person.uid} was answered as {answer}')
            await asyncio.sleep(STROLL)

    async def _poll(self, way, url, person, route, params, position=None):
        """The answer's JSON; None, after a pause, if there was none. `position` is a list of one, and is brought on."""
        try:
            status, head, body = await request(url, person, route, params, position and position[0])
        except (OSError, EOFError, asyncio.IncompleteReadError):
            status, head, body = 'broken', {}, b''
        if position and POSITION.lower() in head:
            position[0] = head[POSITION.lower()]
        self.answers[status, way] += 1
        if status == 200:
            return json.loads(body)
        if status not in self.allowed[way]:
            raise Wrong(f'{route} was answered {status} ({way}): {body[:300]!r}')
        if status == 503:
            self.retry_after['retry-after' in head] += 1
        if status != 204:
            await asyncio.sleep(LATER)
        return None


async def request(url, person, route, params, position=None):
    """One poll on a connection of its own: (status, head, body)."""
    if person.session_id:
        params = {**params, 'session_id': person.session_id}
    sent = json.dumps(params).encode()
    reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
    try:
        writer.write('\r\n'.join([
            f'POST {person.path}{route} HTTP/1.1', 'Host: 127.0.0.1', 'Content-Type: application/json',
            'Connection: close', *([f'{SINCE}: {position}'] if position else []),
            'Cookie: {}={}'.format(*person.cookie), f'Content-Length: {len(sent)}', '', '',
        ]).encode() + sent)
        first, *lines = (await reader.readuntil(b'\r\n\r\n')).decode('latin-1').split('\r\n')
        head = {name.lower(): value.strip() for name, _, value in (line.partition(':') for line in lines)}
        body = await reader.readexactly(int(head.get('content-length', 0)))
        return int(first.split()[1]), head, body
    finally:
        writer.close()


class Publisher(threading.Thread):
    """Publishes a number now and again, until `end` is called.

    committed   the payloads of which PostgreSQL has said that they are
    refused     what it said of others: a Counter by the error's class
    """

    def __init__(self, dsn: str, channel: str, size: int):
        super().__init__()
        self.dsn = dsn
        self.channel = channel
        self.size = size        # characters of each payload, at least
        self.committed: list[str] = []
        self.refused: collections.Counter = collections.Counter()
        self._over = threading.Event()

    def run(self):
        number = 0
        while not self._over.is_set():
            try:
                with contextlib.closing(psycopg2.connect(self.dsn)) as connection:
                    while not self._over.wait(WRITE):
                        number += 1
                        self._publish(connection, number)
            except psycopg2.OperationalError:
                self._over.wait(LATER)

    def _publish(self, connection, number):
        try:
            payload = str(number).zfill(self.size)
            with connection.cursor() as cr:
                publishing.publish(cr, self.channel, payload)
            connection.commit()
            self.committed.append(payload)
        except psycopg2.Error as error:
            self.refused[type(error).__name__] += 1
            raise psycopg2.OperationalError from error      # and on with a new connection

    def end(self):
        self._over.set()
        self.join()
