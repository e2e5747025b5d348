"""The bus of Odoo 14.0, as a peer: long polls of `/longpolling/poll` at its evented server (`odoo gevent`).

It has a database of its own on the PostgreSQL of the stack, made once for all rounds, with nothing installed but `bus`
and what that needs. `bench --odoo-14` asks for it.
"""

import contextlib
import functools
import itertools
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2.extensions

from sandbox.build import build_odoo14
from sandbox.paths import ROOT
from sandbox.run import privilege

from . import peers, stack
from .client import Answer, Crowd, carrying, percentile
from .figures import Figure
from .odoo_bus import Teller
from .sessions import Session

# Whether `bench` is to measure it.
WANTED = bool(os.environ.get('SANDBOX_ODOO_14'))
# It answers about 100 without an error.
SIZES = (100, 500)
PROGRAM = ROOT / 'benchmarks' / 'in_odoo14.py'
DB = 'odoo14'
POLL = '/longpolling/poll'
# Polls at a time, each of which takes cursors until it is held; this process may have 64.
AT_A_TIME = 16
# Seconds after which one poll is held, of which nothing tells when.
HELD = 0.1

CONFIGURATION = """[options]
db_host = {host}
db_port = {port}
db_user = {user}
db_password = {password}
db_name = {db}
data_dir = {place}
http_interface = 127.0.0.1
without_demo = all
max_cron_threads = 0
workers = 0
"""


class Odoo14Bus(peers.Peer):
    """A long poll a client, as the web client sends it: it updates the presence of its user, and is held for 50 s.

    One that finds all cursors taken when it is woken is answered with no notification, and asks again at once. One that
    is answered with an error counts as not told: its web client asks again after 10 to 30 s.
    """

    name = "Odoo 14.0's bus"
    tells_all = False

    def __init__(self, pid: int, url: str, teller: Teller):
        super().__init__(pid, url)
        self.teller = teller
        self._sent: dict[int, bytes] = {}

    def requests(self, sessions) -> list[bytes]:
        last = self.teller.ask('last')
        return [session.call(POLL, {'channels': [peers.CHANNEL], 'last': last, 'options': {'bus_inactivity': 0}})
                for session in sessions]

    def hold(self, crowd: Crowd, sessions):
        crowd.answered = carrying(peers.PAYLOAD['text'].encode())
        self._sent = dict(zip(crowd.sockets, itertools.cycle(self.requests(sessions)), strict=False))
        polls = list(self._sent.items())
        for begin in range(0, len(polls), AT_A_TIME):
            for connection, request in polls[begin:begin + AT_A_TIME]:
                crowd.send_on(connection, request)
            stack.wait_until_idle(self.pid)

    def forget(self):
        self.tell()         # it does not notice that anybody is gone
        super().forget()

    def tell(self) -> float:
        return self.teller.ask('broadcast')

    def answers(self, crowd: Crowd) -> list[Answer]:
        found: dict[int, Answer] = {}
        for answer in crowd.answers(peers.SECONDS):
            if answer.status == 204:
                crowd.send_on(answer.connection, self._sent[answer.connection])
                continue
            found.setdefault(answer.connection, answer)     # an error also ends the connection
            if len(found) == len(crowd):
                break
        return list(found.values())


def latency(bus: Odoo14Bus, notes: int) -> Iterator[Figure]:
    """From a commit to the answer of the one poll that is held."""
    times = []
    with Crowd(bus.url, 1) as crowd:
        crowd.answered = carrying(peers.PAYLOAD['text'].encode())
        for _ in range(notes):
            crowd.send(bus.requests(make_sessions(max(SIZES))[:1]))
            time.sleep(HELD)
            bus.teller.say('broadcast')
            answers = crowd.gather(peers.SECONDS)
            begun = bus.teller.hear()
            if [answer.status for answer in answers] != [200]:
                raise SystemExit(f'{bus.name}: a notification was answered with {answers}.')
            times.append(answers[0].when - begun)
    for what, share in (('median', .5), ('p99', .99)):
        yield Figure(bus.name, f'commit to answer, one of them concerned, {what}', 1, percentile(times, share) * 1000,
                     'ms')


@functools.cache
def configuration() -> Path:
    """The configuration file of Odoo 14.0, once its database has been made."""
    place = Path(stack.host_environment()['TMPDIR'], 'odoo-14.0')       # it goes with the run
    place.mkdir(mode=0o700, exist_ok=True)
    server = psycopg2.extensions.parse_dsn(stack.DSN)
    file = place / 'odoo.conf'
    file.write_text(CONFIGURATION.format(place=place, db=DB, **{
        name: server[name] for name in ('host', 'port', 'user', 'password')}))
    privilege.give(place)
    made = subprocess.run(privilege.drop([*build_odoo14().server, '-c', file, '-i', 'bus', '--stop-after-init']),
                          env=stack.host_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    if made.returncode:
        raise SystemExit(f'The database of Odoo 14.0 could not be made: {made.stdout[-2000:]}')
    return file


def program(*arguments: str) -> list[str]:
    """The words that run PROGRAM with the rights of the stack's servers."""
    return privilege.drop([str(build_odoo14().python), str(PROGRAM), str(configuration()), DB, *arguments])


@functools.cache
def make_sessions(count: int) -> list[Session]:
    """That many sessions, each of a user of its own, by Odoo 14.0's own code in one process."""
    made = subprocess.run(program(str(count)), env=stack.host_environment(), stdout=subprocess.PIPE, check=True,
                          text=True).stdout
    return [Session(**json.loads(line)) for line in made.splitlines()]


@contextlib.contextmanager
def odoo14_bus() -> Iterator[Odoo14Bus]:
    """An evented server of Odoo 14.0, that has loaded its registry and is told of notifications."""
    port = peers.free_port()
    words = [*build_odoo14().server, 'gevent', '-c', str(configuration()), '--longpolling-port', str(port)]
    session = make_sessions(max(SIZES))[0]
    with peers.ended(subprocess.Popen(privilege.drop(words), env=stack.host_environment(), stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)) as server, \
            peers.ended(subprocess.Popen(program(), env=stack.host_environment(), text=True, stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE)) as child:
        teller = Teller(child)
        teller.ask('last')
        peers.wait_open(port, server)
        bus = Odoo14Bus(server.pid, f'http://127.0.0.1:{port}', teller)
        with Crowd(bus.url, 1) as first:
            first.send([session.call('/longpolling/im_status', {'partner_ids': []})])
            first.gather(peers.SECONDS)
            bus.hold(first, [session])
            for _ in range(peers.SECONDS):      # with its first poll it begins to listen to PostgreSQL, some time later
                bus.tell()
                if first.gather(1):
                    break
        yield bus
