"""N users who are woken together and each read: `python3 -m benchmarks.herd [N]`.

The shortest controller that refreshes a list (wait, then one `search`), polled by N users with a session each, until
the last has its answer; beside it the same search by the same N users through the host's own web client, eight at a
time, and one event to as many of whom none reads.
"""

import concurrent.futures
import socket
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from . import crowd, peers, stack
from .client import Crowd, http
from .figures import Figure
from .sessions import make_sessions

ROUTE = '/news/shortest'
CHANNEL = 'partners'
NAME = 'benchmark'
AT_A_TIME = 8
ATTEMPTS = 3        # the median counts


def woken(sidecar: peers.Sidecar, sessions, attempts: int = ATTEMPTS) -> list[Figure]:
    """All of them wait, are told, and read."""
    found = []
    with Crowd(sidecar.url, len(sessions)) as clients:
        for _ in range(attempts):
            # With the position of now: without one a page's first poll reads at once.
            since = sidecar.position(sessions[0], [CHANNEL])
            clients.send([stack.with_since(session.request(ROUTE, name=NAME), since) for session in sessions])
            sidecar.wait_until_held(len(sessions))
            stack.wait_until_idle(sidecar.pid)
            found.append({figure.what: figure for figure in crowd.one_event(
                sidecar, clients, lambda: sidecar.tell([CHANNEL]))})
    median = sorted(found, key=lambda one: one['one event, last'].value)[len(found) // 2]
    return [figure._replace(what=figure.what.replace('one event', 'woken and read')) for figure in median.values()]


def through_the_host(sessions) -> Figure:
    """Seconds in which the host answers the same search for all of them."""
    where = urlsplit(stack.HOST_URL)
    requests = [session.call('/web/dataset/call_kw', {
        'model': 'res.partner', 'method': 'search', 'args': [[['name', '=', NAME]]], 'kwargs': {}})
        for session in sessions]

    def ask(request: bytes):
        with socket.create_connection((where.hostname, where.port or 80), 60) as sock:
            sock.sendall(request)
            received = b''
            while http(received) is None:
                data = sock.recv(65536)
                if not data:
                    break
                received += data
        if not received[9:12] == b'200' or b'"error"' in received:
            raise SystemExit(f'The host answered with {received[:500]!r}.')

    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(ask, requests[:AT_A_TIME]))       # each thread of the host has seen the model
        begun = time.monotonic()
        list(pool.map(ask, requests))
    return Figure('host', 'woken and read, last', len(sessions), time.monotonic() - begun, 's')


def both(sidecar: peers.Sidecar, sessions, attempts: int = ATTEMPTS) -> Iterator[Figure]:
    yield from woken(sidecar, sessions, attempts)
    yield through_the_host(sessions)
    with Crowd(sidecar.url, len(sessions)) as clients:
        sidecar.hold(clients, sessions)
        stack.wait_until_idle(sidecar.pid)
        yield from (figure._replace(of='sidecar, none reads', what=figure.what.replace('one event', 'woken and read'))
                    for figure in crowd.one_event(sidecar, clients))


def figures(quick: bool) -> Iterator[Figure]:
    """Those of one round."""
    count = 100 if quick else 1000
    with peers.sidecar() as (sidecar, _):
        yield from both(sidecar, make_sessions(count, count), 1 if quick else ATTEMPTS)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f'{stack.HOST}, {count} users', flush=True)
    for figure in both(peers.running_sidecar(), make_sessions(count, count)):
        print(figure, flush=True)


if __name__ == '__main__':
    main()
