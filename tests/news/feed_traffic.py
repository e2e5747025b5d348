"""Writers and readers of the feed, many at a time, that go on through every fault."""

import collections
import contextlib
import itertools
import json
import random
import threading
import time

import psycopg2
import requests

from tests.support.pages import following
from web_longpolling import publishing

# Of a hundred transactions, how many are rolled back, how many are prepared and committed later by another connection,
# and how many go on for a while before they commit.
ROLLED_BACK = 12
PREPARED = 10
LONG = 4
LONG_SECONDS = 0.3
# What a poll may be answered with while sidecars and PostgreSQL come and go.
PASSING = (204, 502, 503, 504)
PAUSE = 0.1


class Pace:
    """How far writers may go; `over` ends writers and followers where they are."""

    def __init__(self):
        self.over = threading.Event()
        self._allowed = 0
        self._changed = threading.Condition()

    def allow(self, events: int):
        """Each writer may commit so many events from now on."""
        with self._changed:
            self._allowed = events
            self._changed.notify_all()

    def wait(self, committed: int):
        """Wait until a writer that has committed so many may go on."""
        with self._changed:
            self._changed.wait_for(lambda: committed < self._allowed or self.over.is_set())

    def end(self):
        with self._changed:
            self.over.set()
            self._changed.notify_all()


class Writer:
    """Publishes [name, number] in transactions of mixed length until so many are committed, in time with `pace`."""

    def __init__(self, pace: Pace, dsn: str, channel: str, name: int, events: int):
        self.pace = pace
        self.dsn = dsn
        self.channel = channel
        self.name = name
        self.events = events
        self.committed = []     # the payloads of which PostgreSQL has said so
        self.rolled_back = []
        self.broken = 0         # transactions of which it could say nothing any more
        self._random = random.Random(name)      # noqa: S311  the same mixture in every run
        self._number = 0

    def run(self):
        while self._goes_on():
            try:
                with contextlib.closing(psycopg2.connect(self.dsn)) as connection:
                    while self._goes_on():
                        self._transaction(connection)
            except psycopg2.OperationalError:
                self.broken += 1
                time.sleep(PAUSE)

    def _goes_on(self) -> bool:
        self.pace.wait(len(self.committed))
        return len(self.committed) < self.events and not self.pace.over.is_set()

    def _transaction(self, connection):
        payloads = []
        with connection.cursor() as cr:
            for _ in range(self._random.randint(1, 9)):
                self._number += 1
                payloads.append([self.name, self._number])
                publishing.publish(cr, self.channel, payloads[-1])
                if not self._random.randrange(5):
                    time.sleep(self._random.uniform(0, 0.01))
                if not self._random.randrange(6):
                    self._take_back(cr)
        lot = self._random.randrange(100)
        if lot < LONG:
            time.sleep(LONG_SECONDS)
        if lot > 100 - ROLLED_BACK:
            connection.rollback()
            self.rolled_back += payloads
        elif LONG <= lot < LONG + PREPARED:
            self._commit_prepared(connection, payloads)
        else:
            connection.commit()
            self.committed += payloads

    def _take_back(self, cr):
        """Publish in a savepoint that is rolled back."""
        self._number += 1
        cr.execute("SAVEPOINT part")
        publishing.publish(cr, self.channel, [self.name, self._number])
        cr.execute("ROLLBACK TO SAVEPOINT part")
        self.rolled_back.append([self.name, self._number])

    def _commit_prepared(self, connection, payloads):
        name = f'{self.channel}-{self.name}-{self._number}'
        with connection.cursor() as cr:
            cr.execute("PREPARE TRANSACTION %s", (name,))
            connection.commit()
            connection.autocommit = True
            cr.execute("COMMIT PREPARED %s", (name,))
            connection.autocommit = False
        self.committed += payloads


class Follower:
    """Reads a channel over HTTP, a connection for each poll and each of the addresses in turn, until `end` comes."""

    def __init__(self, pace: Pace, session, channel: str, position: str, end: object, urls=(None,)):
        self.pace = pace
        self.page = following(session, channel, position=position)
        self.end = end
        self.urls = itertools.cycle(urls)
        self.found = []         # (id, payload), as they came
        self.answers = collections.Counter()

    def run(self):
        while not self.pace.over.is_set() and (not self.found or self.found[-1][1] != self.end):
            try:
                self.page.session.http.close()
                response = self.page.poll(url=next(self.urls))
                outcome = response.status_code
            except requests.ConnectionError:
                outcome = 'broken'
            self.answers[outcome] += 1
            if outcome == 200:
                answer = response.json()
                assert 'missed' not in answer
                self.found += [(event['id'], event['payload']) for event in answer['events']]
            elif outcome in (*PASSING, 'broken'):
                time.sleep(PAUSE)
            else:
                raise AssertionError(f'a follower was answered {outcome}: {response.text}')


class Pager:
    """Reads the table by `id > last`, again and again, until no more come."""

    def __init__(self, dsn: str, channel: str):
        self.dsn = dsn
        self.channel = channel
        self.query = 'SELECT id, payload FROM longpolling_event WHERE id > %s AND channel = %s ORDER BY id'
        self.found = []
        self.over = threading.Event()
        self._last = 0

    def read(self, connection):
        with connection.cursor() as cr:
            cr.execute(self.query, (self._last, self.channel))
            for place, payload in cr.fetchall():
                self._last = place
                self.found.append(json.loads(payload))
        connection.rollback()

    def run(self):
        with contextlib.closing(psycopg2.connect(self.dsn)) as connection:
            while not self.over.wait(0.002):
                self.read(connection)
            self.read(connection)
