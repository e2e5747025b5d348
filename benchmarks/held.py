"""N polls held at once, beside as many on a bare gevent.pywsgi: `python3 -m benchmarks.held [N [SESSIONS]]`.

What a held poll costs (connections to PostgreSQL, processor time, resident bytes), one event to all of them, all of
them hanging up at once, and all of them coming back at once.

`bench` does so at several sizes, with a session each and a process of its own each time, beside Odoo's own bus, nchan,
and the same through nginx; and beside Odoo 14.0's bus of long polls, if it is asked for that.
"""

import contextlib
import sys
import time
from collections.abc import Iterator

from . import crowd, odoo14_bus, odoo_bus, peers, stack
from .client import Crowd
from .figures import Figure
from .sessions import make_sessions

IDLE_SECONDS = 30
ATTEMPTS = 3        # at one event to all; the median counts
WARM = 50
# Of Odoo's bus, which takes three file descriptors a client, and 16 s for one event to 5,000.
MOST_ON_THE_BUS = 5000
# nginx has two file descriptors a poll.
THROUGH_NGINX = (1000, 5000)


def measure(peer: peers.Peer, sessions, count: int, idle: float = IDLE_SECONDS,
            attempts: int = ATTEMPTS) -> Iterator[Figure]:
    """The life of `count` clients on a process that has just been started, in their order."""
    def figure(what, value, unit):
        return Figure(peer.name, what, count, value, unit)

    with Crowd(peer.url, min(WARM, count)) as warm:
        peer.hold(warm, sessions)
    peer.forget()
    before = stack.resident(peer.pid)
    with Crowd(peer.url, count) as clients:
        begun, used = time.monotonic(), stack.processor(peer.pid)
        peer.hold(clients, sessions)
        if isinstance(peer, peers.Counting):        # of others it is not known when all are held
            yield figure('arriving at once', time.monotonic() - begun, 's')
        yield figure('arriving at once, processor', stack.processor(peer.pid) - used, 's')
        stack.wait_until_idle(peer.pid, clients.rest)
        yield figure('resident each', (stack.resident(peer.pid) - before) / count, 'B')
        used = stack.processor(peer.pid)
        clients.rest(idle)
        yield figure('idle, of a core', (stack.processor(peer.pid) - used) / idle * 100, '%')
        yield figure('connections to PostgreSQL', stack.connections(peer.pid), '')
        yield from crowd.median_event(peer, clients, sessions, attempts)
        if isinstance(peer, peers.Sidecar):     # the floor does not notice that they are gone
            peer.held_again(clients, sessions)
            stack.wait_until_idle(peer.pid)
    closed = time.monotonic()
    if isinstance(peer, peers.Sidecar):
        peer.wait_until_held(0)
        yield figure('hang-ups freed', time.monotonic() - closed, 's')
        with Crowd(peer.url, count) as clients:
            begun = time.monotonic()
            peer.hold(clients, sessions)
            yield figure('coming back at once', time.monotonic() - begun, 's')
        peer.wait_until_held(0)


def figures(quick: bool) -> Iterator[Figure]:
    """Those of one round."""
    sizes = (100,) if quick else (100, 1000, 5000, 15000)
    more = {'idle': 1 if quick else 5, 'attempts': 1}
    sessions = make_sessions(max(sizes), min(1000, max(sizes)))
    for size in sizes:
        own = sessions[:size]
        with peers.sidecar() as (sidecar, started):
            yield Figure('sidecar', 'start', size, started, 's')
            yield from measure(sidecar, own, size, **more)
        if quick or size in THROUGH_NGINX:
            with peers.sidecar() as (sidecar, _):
                through = peers.Sidecar(sidecar.pid, stack.NGINX, sidecar.url)
                through.name = 'sidecar through nginx'
                with contextlib.closing(through):
                    yield from measure(through, own, size, **more)
        with peers.floor() as floor:
            yield from measure(floor, own, size, **more)
        with peers.nchan() as nchan:
            yield from measure(nchan, own, size, **more)
        if stack.HOST == 'odoo-19.0' and size <= MOST_ON_THE_BUS:
            with odoo_bus.odoo_bus() as bus:
                yield from measure(bus, own, size, **more)
    for size in odoo14_bus.SIZES[:1 if quick else None] if odoo14_bus.WANTED else ():
        with odoo14_bus.odoo14_bus() as old_bus:
            yield from measure(old_bus, odoo14_bus.make_sessions(max(odoo14_bus.SIZES))[:size], size, **more)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    sessions = stack.visitors(int(sys.argv[2]) if len(sys.argv) > 2 else 20)
    print(f'{stack.HOST}, {count} polls of {len(sessions)} sessions', flush=True)
    found = {}
    with peers.floor() as floor:
        for peer in (peers.running_sidecar(), floor):
            for figure in measure(peer, sessions, count):
                print(figure, flush=True)
                found[figure.of, figure.what] = figure.value
    for what in ('resident each', 'arriving at once', 'one event, last'):
        print(f'ratio: {what} {found["sidecar", what] / found["floor", what]:.2f} x the floor')


if __name__ == '__main__':
    main()
