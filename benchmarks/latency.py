"""From a commit to the answer, beside a bare psycopg2 LISTEN: `python3 -m benchmarks.latency [HELD [NOTES]]`.

Both wait for the same commits, in the same run: the clock starts when COMMIT is sent, and
the wake-up is sent after it, as a host's process does. After it the same for the floor, a bare gevent.pywsgi that
LISTENs and then answers all that it holds. `bench --odoo-14` adds Odoo 14.0's bus, with 1 poll held.
"""

import select
import sys
import time
from collections.abc import Iterator

import psycopg2

from web_longpolling import publishing, wake_up

from . import odoo14_bus, peers, stack
from .client import Crowd, http, percentile
from .figures import Figure

ROUTE = '/news/follow'
CHANNEL = 'benchmark'
SILENT = 'benchmark-silent'


class Listening:
    """A connection that LISTENs for the wake-up that follows a commit, and nothing else."""

    def __init__(self, epoll):
        self.connection = psycopg2.connect(stack.DSN)
        self.connection.autocommit = True
        self.connection.cursor().execute(f'LISTEN {wake_up.CHANNEL}')
        self.epoll = epoll
        self.number = self.connection.fileno()
        epoll.register(self.number, select.EPOLLIN)

    def heard(self) -> bool:
        self.connection.poll()
        heard = bool(self.connection.notifies)
        self.connection.notifies.clear()
        return heard


def one_note(writer, crowd: Crowd, peer: Listening) -> tuple[float, list[float]]:
    """Publish one event; seconds until the peer has heard it, and until each of the crowd has its answer."""
    with writer.cursor() as cursor:
        publishing.publish(cursor, CHANNEL, {'text': 'benchmark'})
    begun = time.monotonic()
    writer.commit()
    wake_up.send(writer)
    heard: float | None = None
    answered: list[float] = []
    received: dict[int, bytes] = {}
    while heard is None or len(answered) < len(crowd):
        events = crowd.epoll.poll(10, 4096)
        if not events:
            raise SystemExit(f'{len(crowd) - len(answered)} polls were not answered within 10 s.')
        now = time.monotonic()
        for number, _ in events:
            if number == peer.number:
                heard = now - begun if peer.heard() and heard is None else heard
                continue
            received[number] = received.get(number, b'') + crowd.sockets[number].recv(65536)
            status = http(received[number])     # the floor sends head and body apart
            if status == 200:
                answered.append(now - begun)
            elif status is not None or not received[number]:
                raise SystemExit(f'A poll was answered with {received[number][:80]!r}.')
    return heard, answered


def measure(server: peers.Counting, concerned: int, others: int, notes: int, visitor) -> Iterator[Figure]:
    """`concerned` polls follow the channel that events are published on, `others` another one."""
    writer = psycopg2.connect(stack.DSN)
    heard, answered = [], []
    with Crowd(server.url, others) as silent, Crowd(server.url, concerned) as crowd:
        silent.send(asking(server, visitor, SILENT))
        peer = Listening(crowd.epoll)
        for _ in range(notes):
            crowd.send(asking(server, visitor, CHANNEL))
            server.wait_until_held(concerned + others)
            time.sleep(0.01)        # until what says how many are held has been answered itself
            of_peer, of_crowd = one_note(writer, crowd, peer)
            heard.append(of_peer)
            answered += of_crowd
        peer.connection.close()
    writer.close()
    what = f'commit to answer, {"all" if concerned > 1 else "one"} of them concerned'
    for name, values in (('bare LISTEN', heard), (server.name, answered)):
        for kind, share in (('median', .5), ('p99', .99)):
            yield Figure(name if server.name == 'sidecar' or name == 'floor' else f'{name} beside the floor',
                         f'{what}, {kind}', concerned + others, percentile(values, share) * 1000, 'ms')


def asking(server, visitor, channel: str) -> list[bytes]:
    since = server.position(visitor, [channel]) if isinstance(server, peers.Sidecar) else 'x'
    return [visitor.request(ROUTE, channels=[channel], since=since)]


def all_sizes(visitor, sizes: list[int], notes: int) -> Iterator[Figure]:
    """For each size: one of so many is concerned, and all of them are.

    The floor can't tell who is concerned: beside the one of many stands a floor that holds no other.
    """
    with peers.floor('listen') as floor:
        alone = list(measure(floor, 1, 0, notes, visitor))
    for size in sizes:
        yield from (figure._replace(size=size) for figure in alone)
    with peers.sidecar() as (sidecar, _):
        for size in sizes:
            for concerned in sorted({1, size}):
                yield from measure(sidecar, concerned, size - concerned, notes if concerned == 1 else notes // 10,
                                   visitor)
                sidecar.wait_until_held(0)
    for size in sizes:
        if size > 1:
            with peers.floor('listen') as floor:
                yield from measure(floor, size, 0, notes // 10, visitor)


def figures(quick: bool) -> Iterator[Figure]:
    """Those of one round."""
    yield from all_sizes(stack.Visitor(), [1, 100] if quick else [1, 100, 1000], 20 if quick else 200)
    if odoo14_bus.WANTED:
        with odoo14_bus.odoo14_bus() as bus:
            yield from odoo14_bus.latency(bus, 20 if quick else 200)


def main():
    held = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    notes = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    print(f'{stack.HOST}, from COMMIT on', flush=True)
    visitor = stack.Visitor()
    sidecar = peers.running_sidecar()
    for concerned, others, number in ((1, 0, notes), (1, held - 1, notes), (held, 0, notes // 10)):
        print(*measure(sidecar, concerned, others, number, visitor), sep='\n', flush=True)
        sidecar.wait_until_held(0)
    for size, number in ((1, notes), (held, notes // 10)):
        with peers.floor('listen') as floor:
            print(*measure(floor, size, 0, number, visitor), sep='\n', flush=True)


if __name__ == '__main__':
    main()
