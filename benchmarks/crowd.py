"""One event to N polls of N different sessions: `python3 -m benchmarks.crowd [N [USERS]]`.

Real users have a session each, and each of them is verified before its answer leaves. Beside it, in the same run, a
bare gevent.pywsgi that verifies nothing (the floor).
"""

import collections
import sys
import time

from . import peers, stack
from .client import Crowd, percentile
from .figures import Figure
from .sessions import make_sessions

ATTEMPTS = 5        # the one whose last answer was the median counts


def one_event(peer: peers.Peer, crowd: Crowd, tell=None) -> list[Figure]:
    """Tell all of them, by `tell` instead of the peer's own event; seconds from then on to the answers.

    Of a peer that need not tell all of them, also how many it told; seconds are those of these.
    """
    used, client = stack.processor(peer.pid), time.process_time()
    begun = (tell or peer.tell)()
    answers = peer.answers(crowd)
    client = time.process_time() - client
    statuses = collections.Counter(answer.status for answer in answers)
    if not statuses[200] or peer.tells_all and statuses != {200: len(crowd)}:
        raise SystemExit(f'{peer.name}: {len(answers)} answers of {len(crowd)}; by status: {dict(statuses)}.')
    times = [answer.when - begun for answer in answers if answer.status == 200]
    found = {'first': min(times), 'median': percentile(times, .5), 'p99': percentile(times, .99), 'last': max(times),
             'processor': stack.processor(peer.pid) - used, "the client's own processor": client}
    figures = [Figure(peer.name, f'one event, {what}', len(crowd), value, 's') for what, value in found.items()]
    told = [] if peer.tells_all else [Figure(peer.name, 'one event, told', len(crowd), len(times), 'clients')]
    return [*figures, *told]


def median_event(peer: peers.Peer, crowd: Crowd, sessions, attempts: int = ATTEMPTS) -> list[Figure]:
    """Tell those who are held, several times; what the attempt gave whose last answer was the median."""
    found = []
    for attempt in range(attempts):
        if attempt:
            peer.held_again(crowd, sessions)
            stack.wait_until_idle(peer.pid)
        found.append({figure.what: figure for figure in one_event(peer, crowd)})
    return list(sorted(found, key=lambda one: one['one event, last'].value)[len(found) // 2].values())


def measure(peer: peers.Peer, sessions, count: int) -> dict[str, float]:
    """Hold all, tell, several times; what the median attempt gave."""
    with Crowd(peer.url, count) as crowd:
        peer.hold(crowd, sessions)
        stack.wait_until_idle(peer.pid)
        figures = median_event(peer, crowd, sessions)
    print(*figures, sep='\n', flush=True)
    return {figure.what: figure.value for figure in figures}


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    users = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    begun = time.monotonic()
    sessions = make_sessions(count, users)
    print(f'{stack.HOST}: {count} polls of {count} sessions of {users} users, made in {time.monotonic() - begun:.0f} s',
          flush=True)
    before = stack.resident(stack.PID)
    sidecar = measure(peers.running_sidecar(), sessions, count)
    print(f'sidecar: {(stack.resident(stack.PID) - before) / count / 1024:.1f} KiB resident a session afterwards, '
          f'{stack.connections(stack.PID)} connections to PostgreSQL')
    with peers.floor() as floor:
        bare = measure(floor, sessions, count)
    print('ratio: ' + '; '.join(f'{what} {sidecar[what] / bare[what]:.2f}' for what in sidecar) + ' x the floor')


if __name__ == '__main__':
    main()
