"""From a commit to the answer, beside a bare psycopg2 LISTEN: `python3 -m benchmarks.latency [HELD [NOTES]]`.

Both wait for the same commits, in the same run: the clock starts when COMMIT is sent, and
the wake-up is sent after it, as a host's process does.
"""

import select
import sys
import time

import psycopg2

from web_longpolling import publishing, wake_up

from . import stack
from .client import Crowd, percentile

ROUTE = '/news/follow'
CHANNEL = 'benchmark'
SILENT = 'benchmark-silent'


class Peer:
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


def one_note(writer, crowd: Crowd, peer: Peer) -> tuple[float, list[float]]:
    """Publish one event; seconds until the peer has heard it, and until each of the crowd has its answer."""
    with writer.cursor() as cursor:
        publishing.publish(cursor, CHANNEL, {'text': 'benchmark'})
    begun = time.monotonic()
    writer.commit()
    wake_up.send(writer)
    heard: float | None = None
    answered: list[float] = []
    while heard is None or len(answered) < len(crowd):
        events = crowd.epoll.poll(10, 4096)
        if not events:
            raise SystemExit(f'{len(crowd) - len(answered)} polls were not answered within 10 s.')
        now = time.monotonic()
        for number, _ in events:
            if number == peer.number:
                heard = now - begun if peer.heard() and heard is None else heard
            else:
                data = crowd.sockets[number].recv(65536)
                if not data.startswith(b'HTTP/1.1 200 '):
                    raise SystemExit(f'A poll was answered with {data[:80]!r}.')
                answered.append(now - begun)
    return heard, answered


def measure(concerned: int, others: int, notes: int, visitor):
    """`concerned` polls follow the channel that events are published on, `others` another one."""
    writer = psycopg2.connect(stack.DSN)
    silent = Crowd(stack.SIDECAR, others)
    silent.send([visitor.request(ROUTE, channels=[SILENT], since=stack.position(visitor, [SILENT]))])
    crowd = Crowd(stack.SIDECAR, concerned)
    peer = Peer(crowd.epoll)
    heard, answered = [], []
    for _ in range(notes):
        crowd.send([visitor.request(ROUTE, channels=[CHANNEL], since=stack.position(visitor, [CHANNEL]))])
        stack.wait_until_held(concerned + others)
        time.sleep(0.01)        # until what says how many are held has been answered itself
        of_peer, of_crowd = one_note(writer, crowd, peer)
        heard.append(of_peer)
        answered += of_crowd
    for name, values in (('bare LISTEN', heard), ('answer', answered)):
        print(f'  {name:12} median {percentile(values, .5) * 1000:7.2f} ms, '
              f'p99 {percentile(values, .99) * 1000:7.2f} ms ({len(values)} values)')
    print(f'  median {percentile(answered, .5) / percentile(heard, .5):.2f} x that of the bare LISTEN', flush=True)
    peer.connection.close()
    crowd.close()
    silent.close()
    stack.wait_until_held(0)


def main():
    held = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    notes = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    visitor = stack.Visitor()
    print(f'{stack.HOST}, from COMMIT on')
    print(f'1 poll held, {notes} notes:')
    measure(1, 0, notes, visitor)
    print(f'{held} polls held, one of them concerned, {notes} notes:')
    measure(1, held - 1, notes, visitor)
    print(f'{held} polls held, all of them concerned, {notes // 10} notes:')
    measure(held, 0, notes // 10, visitor)


if __name__ == '__main__':
    main()
