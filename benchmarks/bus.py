"""A notification of their own to each of N users, by one transaction: `python3 -m benchmarks.bus [N]`.

Beside Odoo's own WebSocket server (one `_sendone` to each) and the floor, which answers all at once. And how each of
them takes N clients that connect in the same moment, in one run, with the same client.
"""

import sys
import time
from collections.abc import Iterator

from . import crowd, odoo_bus, peers, stack
from .client import Crowd
from .figures import Figure
from .sessions import make_sessions

# Of which Odoo's bus refuses a part.
MOST_AT_ONCE = 1000


def own_channels(sidecar: peers.Sidecar, sessions) -> list[Figure]:
    """Each polls a channel of their own."""
    channels = [f'benchmark-{session.uid}' for session in sessions]
    since = sidecar.position(sessions[0], channels[:1])
    with Crowd(sidecar.url, len(sessions)) as clients:
        clients.send([session.request(peers.ROUTE, channels=[channel], since=since)
                      for session, channel in zip(sessions, channels, strict=True)])
        sidecar.wait_until_held(len(sessions))
        stack.wait_until_idle(sidecar.pid)
        return to_each(crowd.one_event(sidecar, clients, lambda: sidecar.tell(channels)))


def own_notifications(bus: odoo_bus.OdooBus, sessions) -> list[Figure]:
    """Each listens on the channel of their partner, as every web client does."""
    with Crowd(bus.url, len(sessions)) as clients:
        bus.hold(clients, sessions)
        return to_each(crowd.one_event(bus, clients, lambda: bus.tell([session.uid for session in sessions])))


def to_each(figures: list[Figure]) -> list[Figure]:
    return [figure._replace(what=figure.what.replace('one event', 'one to each user')) for figure in figures]


def storm(peer: peers.Peer, sessions, good: int) -> Iterator[Figure]:
    """All connect and ask at once, and are answered at once: the seconds that takes, and how many get it.

    Polls are first ones, which are answered with their position; what Odoo's bus answers is the handshake. More than
    MOST_AT_ONCE are left out.
    """
    if len(sessions) > MOST_AT_ONCE:
        return
    if isinstance(peer, peers.Sidecar):
        requests = [session.request(peers.ROUTE, channels=[peers.CHANNEL]) for session in sessions]
    elif isinstance(peer, peers.Floor):
        requests = [session.request('/now') for session in sessions]
    else:
        requests = peer.requests(sessions)
    with Crowd(peer.url, len(sessions)) as clients:
        begun = time.monotonic()
        clients.send(requests)
        answers = clients.gather(peers.SECONDS)
        yield Figure(peer.name, 'a storm of new clients, last', len(sessions),
                     max(answer.when for answer in answers) - begun, 's')
        yield Figure(peer.name, 'a storm of new clients, taken', len(sessions),
                     sum(answer.status == good for answer in answers), 'clients')
    peer.forget()


def beside(sessions) -> Iterator[Figure]:
    """Those of each, on processes that have just been started."""
    with peers.sidecar() as (sidecar, _):
        yield from storm(sidecar, sessions, 204)
        yield from own_channels(sidecar, sessions)
    with peers.floor() as floor:
        yield from storm(floor, sessions, 200)
        with Crowd(floor.url, len(sessions)) as clients:
            floor.hold(clients, sessions)
            yield from to_each(crowd.one_event(floor, clients))
    if stack.HOST == 'odoo-19.0':
        with odoo_bus.odoo_bus() as bus:
            yield from storm(bus, sessions, 101)
            yield from own_notifications(bus, sessions)


def figures(quick: bool) -> Iterator[Figure]:
    """Those of one round."""
    sizes = (100,) if quick else (1000, 5000)
    sessions = make_sessions(max(sizes), max(sizes))
    for size in sizes:
        yield from beside(sessions[:size])


def main(measure=beside):
    """Print what `measure` gives for as many users as the command line says, with a session each."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f'{stack.HOST}, {count} users', flush=True)
    for figure in measure(make_sessions(count, count)):
        print(figure, flush=True)


if __name__ == '__main__':
    main()
