"""Answers a second of a controller that reads one record through the ORM: `python3 -m benchmarks.throughput [SECONDS]`.

1, 8 and 64 clients, each of which sends its next request when it has its answer; beside the host's own RPC that reads
the same record, and beside a bare gevent.pywsgi that reads nothing (the floor).
"""

import sys
import time
from collections.abc import Iterator

from . import peers, stack
from .client import Crowd, percentile
from .figures import Figure

CLIENTS = (1, 8, 64)
ROUTE = '/sample/user'


def measure(name: str, url: str, requests: list[bytes], clients: int, seconds: float) -> Iterator[Figure]:
    """Answers a second; every answer must be a 200."""
    with Crowd(url, clients) as crowd:
        crowd.send(requests)
        sent = dict.fromkeys(crowd.sockets, time.monotonic())
        times, begun = [], time.monotonic()
        for answer in crowd.answers(seconds):
            if answer.status != 200:
                raise SystemExit(f'{name} answered with {answer.status}.')
            times.append(answer.when - sent[answer.connection])
            sent[answer.connection] = time.monotonic()
            crowd.send_on(answer.connection, requests[answer.connection % len(requests)])
        return of_times(name, clients, times, time.monotonic() - begun)


def measure_host(visitor, seconds: float) -> Iterator[Figure]:
    """The same read through the host's own web client; its development server makes a connection for each call."""
    uid = 1 if stack.HOST == 'openerp-7.0' else 2
    times, begun = [], time.monotonic()
    while time.monotonic() - begun < seconds:
        sent = time.monotonic()
        visitor.call('/web/dataset/call_kw', {'model': 'res.users', 'method': 'read', 'args': [[uid], ['partner_id']],
                                              'kwargs': {}})
        times.append(time.monotonic() - sent)
    return of_times('host', 1, times, time.monotonic() - begun)


def of_times(name: str, clients: int, times: list[float], seconds: float) -> Iterator[Figure]:
    if not times:
        raise SystemExit(f'{name} gave no answer in {seconds:.0f} s.')
    yield Figure(name, 'answers', clients, len(times) / seconds, '/s')
    for what, share in (('median', .5), ('p99', .99)):
        yield Figure(name, f'an answer, {what}', clients, percentile(times, share) * 1000, 'ms')


def all_clients(sidecar: peers.Peer, floor: peers.Peer, seconds: float) -> Iterator[Figure]:
    visitors = stack.visitors(8)
    polls = [visitor.request(ROUTE) for visitor in visitors]
    now = [visitor.request('/now') for visitor in visitors]
    for clients in CLIENTS:
        yield from measure('sidecar', sidecar.url, polls, clients, seconds)
        yield from measure('floor', floor.url, now, clients, seconds)
        if clients == 1:
            yield from measure_host(visitors[0], seconds)


def figures(quick: bool) -> Iterator[Figure]:
    """Those of one round."""
    with peers.sidecar() as (sidecar, _), peers.floor() as floor:
        # On a machine that others use, a second may pass without one answer.
        yield from all_clients(sidecar, floor, 3 if quick else 4)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f'{stack.HOST}, {seconds:.0f} s each')
    with peers.floor() as floor:
        for figure in all_clients(peers.running_sidecar(), floor, seconds):
            print(figure, flush=True)


if __name__ == '__main__':
    main()
