"""Every follower gets every committed event exactly once and in the same order, whatever is killed meanwhile."""

import collections
import contextlib
import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg2

from sandbox.stack import Stack
from tests.support.held_polls import eventually
from web_longpolling import publishing

from .feed_traffic import Follower, Pace, Pager, Writer

EVENTS = 10000
WRITERS = 8
FOLLOWERS = 50
END = 'the end'
# In which writers and followers come to their end after the last fault, on a busy machine.
SECONDS = 120


def test_every_follower_gets_every_committed_event_exactly_once_and_in_order(stack, ann, new_user, sql, transaction,
                                                                           channel, capsys):
    """10,000 events of 8 writers, 50 followers; the sidecar is killed twice and PostgreSQL restarted once."""
    begun = time.monotonic()
    [(since,)] = sql("SELECT COALESCE(max(position), 0) FROM longpolling_event")
    users, pace = [ann, new_user()], Pace()
    writers = [Writer(pace, stack.dsn, channel, name, EVENTS // WRITERS) for name in range(WRITERS)]
    followers = [Follower(pace, users[number % 2].clone(), channel, since, END) for number in range(FOLLOWERS)]
    with ThreadPoolExecutor(WRITERS + FOLLOWERS) as pool:
        try:
            following = [pool.submit(follower.run) for follower in followers]
            writing = [pool.submit(writer.run) for writer in writers]
            for fault, begins, ends in FAULTS:
                # Writers are at work when it comes, and wait for its end if it takes longer than they do.
                pace.allow(int(ends * EVENTS / WRITERS))
                eventually(lambda begins=begins: committed(writers) >= begins * EVENTS, SECONDS)
                fault(stack)
            pace.allow(EVENTS)
            for job in writing:
                job.result(SECONDS)
            with transaction() as cr:
                publishing.publish(cr, channel, END)
            for job in following:
                job.result(SECONDS)
        finally:
            pace.end()

    kept = [(position, json.loads(payload)) for position, payload in sql(
        "SELECT position, payload FROM longpolling_event WHERE channel = %s ORDER BY position", (channel,))]
    check_what_is_kept(writers, [payload for _, payload in kept])
    wrong = [follower.answers for follower in followers if follower.found != kept]
    assert not wrong, f'{len(wrong)} followers have found something else than was committed'
    answers = sum((follower.answers for follower in followers), start=collections.Counter())
    assert answers['broken'] + answers[502] > 0, 'nobody has noticed that the sidecar was killed'
    with capsys.disabled():
        print(f'\n{stack.host}: {len(kept)} events to {FOLLOWERS} followers in {time.monotonic() - begun:.1f} s; '
              f'answers {dict(answers)}; transactions broken off: {sum(writer.broken for writer in writers)}')


def committed(writers) -> int:
    return sum(len(writer.committed) for writer in writers)


def kill_sidecar(stack):
    stack.stop_sidecar(signal.SIGKILL)
    stack.start_sidecar()


# What happens, when (which share of the events is committed), and how far the writers may go meanwhile.
FAULTS = (
    (kill_sidecar, 0.2, 0.4),
    (Stack.restart_postgresql, 0.45, 0.65),
    (kill_sidecar, 0.7, 0.9),
)


def check_what_is_kept(writers, payloads):
    """All that was committed and nothing that was rolled back; that a commit was broken off tells nothing."""
    found = {tuple(payload) for payload in payloads[:-1]}
    assert payloads[-1] == END
    assert len(found) == len(payloads) - 1 >= EVENTS
    for writer in writers:
        assert writer.rolled_back
        assert found.issuperset(map(tuple, writer.committed))
        assert found.isdisjoint(map(tuple, writer.rolled_back))
        own = [number for name, number in payloads[:-1] if name == writer.name]
        assert own == sorted(own)       # one transaction after the other, each in the order of writing


def test_paging_by_id_loses_events_and_paging_by_position_does_not(stack, channel):
    """The same writers, the same reader: by `id > last` it misses what took its id first and commits last."""
    pace = Pace()
    pace.allow(EVENTS)
    writers = [Writer(pace, stack.dsn, channel, name, 60) for name in range(WRITERS)]
    by_id, by_position = (Pager(stack.dsn, channel, column) for column in ('id', 'position'))
    slow = ['took its id first', 'commits last']
    with ThreadPoolExecutor(WRITERS + 2) as pool, contextlib.closing(psycopg2.connect(stack.dsn)) as connection:
        publishing.publish(connection.cursor(), channel, slow)
        reading = [pool.submit(reader.run) for reader in (by_id, by_position)]
        try:
            for job in [pool.submit(writer.run) for writer in writers]:
                job.result(SECONDS)
            eventually(lambda: by_id.found)
            connection.commit()
        finally:
            by_id.over.set()
            by_position.over.set()
        for job in reading:
            job.result(SECONDS)
    everything = sorted([*(payload for writer in writers for payload in writer.committed), slow], key=str)
    assert sorted(by_position.found, key=str) == everything
    assert slow not in by_id.found
    assert len(by_id.found) < len(everything)
