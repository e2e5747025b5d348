"""Answers a second of a controller that reads one record through the ORM: `python3 -m benchmarks.throughput [SECONDS]`.

1, 8 and 64 clients, each of which sends its next request when it has its answer; beside the host's own RPC that reads
the same record, and beside a bare gevent.pywsgi that reads nothing (the floor).
"""

import sys
import time

from . import stack
from .client import Crowd, percentile

CLIENTS = (1, 8, 64)
ROUTE = '/sample/user'


def measure(name: str, url: str, requests: list[bytes], clients: int, seconds: float) -> float:
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
        rate = len(times) / (time.monotonic() - begun)
    print(f'  {name:8} {rate:7.0f} answers a second, median {percentile(times, .5) * 1000:.2f} ms, '
          f'p99 {percentile(times, .99) * 1000:.2f} ms', flush=True)
    return rate


def measure_host(visitor, seconds: float) -> float:
    """The same read through the host's own web client; its development server makes a connection for each call."""
    uid = 1 if stack.HOST == 'openerp-7.0' else 2
    times, begun = [], time.monotonic()
    while time.monotonic() - begun < seconds:
        sent = time.monotonic()
        visitor.call('/web/dataset/call_kw', {'model': 'res.users', 'method': 'read', 'args': [[uid], ['partner_id']],
                                              'kwargs': {}})
        times.append(time.monotonic() - sent)
    rate = len(times) / (time.monotonic() - begun)
    print(f'  {"host":8} {rate:7.0f} answers a second, median {percentile(times, .5) * 1000:.2f} ms, '
          f'p99 {percentile(times, .99) * 1000:.2f} ms', flush=True)
    return rate


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5
    visitors = stack.visitors(8)
    polls = [visitor.request(ROUTE) for visitor in visitors]
    now = [visitor.request('/now') for visitor in visitors]
    print(f'{stack.HOST}, {seconds:.0f} s each')
    with stack.floor() as floor:
        for clients in CLIENTS:
            print(f'{clients} clients:')
            sidecar = measure('sidecar', stack.SIDECAR, polls, clients, seconds)
            bare = measure('floor', floor.url, now, clients, seconds)
            if clients == 1:
                print(f'  {sidecar / measure_host(visitors[0], seconds):.2f} x the host')
            print(f'  {sidecar / bare:.2f} x the floor, which reads nothing')


if __name__ == '__main__':
    main()
