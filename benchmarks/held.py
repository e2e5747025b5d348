"""N polls held at once, beside as many on a bare gevent.pywsgi: `python3 -m benchmarks.held [N [SESSIONS]]`.

What a held poll costs (connections to PostgreSQL, processor time, resident bytes), one event to all of them, all of
them hanging up at once, and all of them coming back at once.
"""

import sys
import time

from . import stack
from .client import Crowd

IDLE_SECONDS = 30
ROUTE = '/news/follow'
CHANNEL = 'benchmark'
ATTEMPTS = 3        # at one event to all; the median counts


def publish():
    stack.sql(f"INSERT INTO longpolling_event (channel, payload) VALUES ('{CHANNEL}', '{{\"text\": \"benchmark\"}}')")
    stack.sql('NOTIFY longpolling_feed')        # as the host's process does after its commit


def arrive(name: str, url: str, requests: list[bytes], count: int, is_held) -> Crowd:
    """Open `count` connections, send a request on each at once, wait until all are held; the Crowd."""
    crowd = Crowd(url, count)
    begun = time.monotonic()
    crowd.send(requests)
    is_held()
    print(f'{name}: {count} polls that came at once are held after {time.monotonic() - begun:.2f} s', flush=True)
    return crowd


def one_event(name: str, crowd: Crowd, publish) -> float:
    """Tell all of them; the seconds until the last has its answer."""
    begun = time.monotonic()
    publish()
    published_at = time.monotonic()
    answers = crowd.gather(60)
    good = [answer for answer in answers if answer.status == 200]
    last = max(answer.when for answer in answers) - published_at
    print(f'{name}: one event, {len(good)} of {len(crowd)} answered with 200, the last {last:.3f} s after '
          f'its commit (publishing took {published_at - begun:.3f} s)', flush=True)
    return last


def measure(name: str, url: str, process: int, requests, count: int, is_held, publish) -> tuple[float, float]:
    """Hold, idle, publish; (resident bytes a poll, median seconds from publishing to the last answer)."""
    warm = Crowd(url, 50)
    warm.send(requests())
    time.sleep(1)
    warm.close()
    time.sleep(1)
    before = stack.resident(process)
    crowd = arrive(name, url, requests(), count, is_held)
    stack.wait_until_idle(process)
    size = (stack.resident(process) - before) / count
    used = stack.processor(process)
    time.sleep(IDLE_SECONDS)
    print(f'{name}: {stack.processor(process) - used:.2f} s of processor in {IDLE_SECONDS} idle seconds, '
          f'{size / 1024:.1f} KiB resident a poll', flush=True)
    times = []
    for attempt in range(ATTEMPTS):
        times.append(one_event(name, crowd, publish))
        if attempt < ATTEMPTS - 1:
            crowd.send(requests())
            is_held()
            stack.wait_until_idle(process)
    crowd.close()
    return size, sorted(times)[len(times) // 2]


def hang_up_and_come_back(requests, count: int):
    """All go at once, and come back at once."""
    crowd = arrive('sidecar', stack.SIDECAR, requests(), count, lambda: stack.wait_until_held(count))
    begun = time.monotonic()
    crowd.close()
    closed = time.monotonic()
    stack.wait_until_held(0)
    print(f'sidecar: {count} polls whose clients hung up are freed {time.monotonic() - closed:.2f} s after the last '
          f'did (hanging up took {closed - begun:.2f} s)', flush=True)
    with arrive('sidecar', stack.SIDECAR, requests(), count, lambda: stack.wait_until_held(count)) as crowd:
        refused = crowd.gather(0.5, count)
        print(f'sidecar: of {count} that came back at once, {len(refused)} were refused', flush=True)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    sessions = stack.visitors(int(sys.argv[2]) if len(sys.argv) > 2 else 20)
    print(f'{stack.HOST}, {count} polls of {len(sessions)} sessions', flush=True)
    publish()

    def requests():
        last = stack.position(sessions[0], [CHANNEL])
        return [visitor.request(ROUTE, channels=[CHANNEL], since=last) for visitor in sessions]

    sidecar = measure('sidecar', stack.SIDECAR, stack.PID, requests, count,
                      lambda: stack.wait_until_held(count), publish)
    print(f'sidecar: {stack.connections()} connections to PostgreSQL', flush=True)
    stack.wait_until_held(0)
    hang_up_and_come_back(requests, count)
    with stack.floor() as floor:
        bare = measure('floor', floor.url, floor.pid, requests, count,
                       lambda: stack.wait_until_idle(floor.pid), floor.release)
    print(f'ratio: {sidecar[0] / bare[0]:.2f} x the floor in bytes a poll, {sidecar[1] / bare[1]:.2f} x in the time '
          'from one event to the last answer')


if __name__ == '__main__':
    main()
