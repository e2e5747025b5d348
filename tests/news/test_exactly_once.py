"""Every follower gets every committed event exactly once and in causal order, whatever is killed meanwhile."""

import collections
import contextlib
import itertools
import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from sandbox.stack import Stack
from tests.support.clients import RpcError
from tests.support.held_polls import eventually
from tests.support.pages import following
from web_longpolling import publishing, schema

from .feed_traffic import Follower, Pace, Pager, Writer

EVENTS = 10000
WRITERS = 12
FOLLOWERS = 48
END = 'the end'
TELLER = 'longpolling.test.teller'
# In which writers and followers come to their end after the last fault, on a busy machine.
SECONDS = 120


@pytest.fixture
def other(stack):
    """A second sidecar, of which nginx knows nothing."""
    sidecar = stack.another_sidecar()
    yield sidecar
    sidecar.stop()


def test_every_follower_gets_every_committed_event_exactly_once(stack, other, ann, new_user, sql, transaction, channel,
                                                                capsys):
    """10,000 events of 12 writers, 48 followers who change between two sidecars with each poll; sidecars are killed,
    all connections to PostgreSQL terminated, PostgreSQL restarted, old events purged."""
    begun = time.monotonic()
    users, pace = [ann, new_user()], Pace()
    position = following(ann, channel).position
    addresses = [(stack.url, other.url), (other.url, stack.sidecar_url)]
    writers = [Writer(pace, stack.dsn, channel, name, EVENTS // WRITERS + 1) for name in range(WRITERS)]
    followers = [Follower(pace, users[number % 2].clone(), channel, position, END, addresses[number % 2])
                 for number in range(FOLLOWERS)]
    with ThreadPoolExecutor(WRITERS + FOLLOWERS) as pool, purging(transaction):
        try:
            reading = [pool.submit(follower.run) for follower in followers]
            writing = [pool.submit(writer.run) for writer in writers]
            for fault, begins, ends in FAULTS:
                # Writers are at work when it comes, and wait for its end if it takes longer than they do.
                pace.allow(int(ends * EVENTS / WRITERS))
                eventually(lambda begins=begins: committed(writers) >= begins * EVENTS, SECONDS)
                fault(stack, other)
            pace.allow(EVENTS)
            for job in writing:
                job.result(SECONDS)
            finish_prepared(stack)
            with transaction() as cr:
                publishing.publish(cr, channel, END)
            for job in reading:
                job.result(SECONDS)
        finally:
            pace.end()

    kept = [(number, json.loads(payload)) for number, payload in sql(
        "SELECT id, payload FROM longpolling_event WHERE channel = %s ORDER BY id", (channel,))]
    check_what_is_kept(writers, [payload for _, payload in kept])
    for follower in followers:
        assert len(follower.found) == len(kept), dict(follower.answers)
        assert sorted(follower.found) == kept
        check_order(writers, follower.found)
    answers = sum((follower.answers for follower in followers), start=collections.Counter())
    assert answers['broken'] + answers[502] > 0, 'nobody has noticed that a sidecar was killed'
    with capsys.disabled():
        print(f'\n{stack.host}: {len(kept)} events to {FOLLOWERS} followers in {time.monotonic() - begun:.1f} s; '
              f'answers {dict(answers)}; transactions broken off: {sum(writer.broken for writer in writers)}')


def committed(writers) -> int:
    return sum(len(writer.committed) for writer in writers)


@contextlib.contextmanager
def purging(transaction):
    """The purge goes on beside it: nothing is old enough to go."""
    over = threading.Event()

    def run():
        while not over.wait(0.5):
            with contextlib.suppress(psycopg2.Error), transaction() as cr:
                schema.purge(cr, 3600)
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def kill_first(stack, other):
    stack.stop_sidecar(signal.SIGKILL)
    stack.start_sidecar()


def kill_other(stack, other):
    other.stop(signal.SIGKILL)
    other.start()


def terminate_all(stack, other):
    """All connections to the database but this one, again and again while publishing goes on."""
    with contextlib.closing(psycopg2.connect(stack.superuser_dsn)) as connection, connection.cursor() as cr:
        connection.autocommit = True
        for _ in range(5):
            cr.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                       "WHERE datname = current_database() AND pid <> pg_backend_pid()")
            time.sleep(0.3)


def restart_postgresql(stack, other):
    Stack.restart_postgresql(stack)


# What happens, when (which share of the events is committed), and how far the writers may go meanwhile.
FAULTS = (
    (kill_first, 0.1, 0.3),
    (terminate_all, 0.3, 0.5),
    (restart_postgresql, 0.5, 0.7),
    (kill_other, 0.7, 0.9),
    (terminate_all, 0.9, 1),
)


def finish_prepared(stack):
    """Commit what was prepared when its writer lost the connection: a transaction manager would."""
    with contextlib.closing(psycopg2.connect(stack.superuser_dsn)) as connection, connection.cursor() as cr:
        connection.autocommit = True
        cr.execute("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()")
        for (gid,) in cr.fetchall():
            cr.execute("COMMIT PREPARED %s", (gid,))


def check_what_is_kept(writers, payloads):
    """All that was committed and nothing that was rolled back; that a commit was broken off says nothing."""
    found = {tuple(payload) for payload in payloads if payload != END}
    assert len(found) == len(payloads) - 1 >= EVENTS
    for writer in writers:
        assert writer.rolled_back
        assert found.issuperset(map(tuple, writer.committed))
        assert found.isdisjoint(map(tuple, writer.rolled_back))


def check_order(writers, found):
    """A writer's commit has returned before its next transaction publishes, so its events come in their order.

    But for those whose connection broke after the transaction was prepared: they committed at the end.
    """
    certain = [{number for _, number in map(tuple, writer.committed)} for writer in writers]
    last = collections.Counter()
    for _, payload in found:
        if payload != END:
            name, number = payload
            if number in certain[name]:
                assert number > last[name], payload
                last[name] = number


def test_paging_by_id_loses_events(stack, channel, ann, transaction):
    """The same writers, the same time: `id > last` misses what took its id first and commits last; a page does not."""
    pace = Pace()
    pace.allow(EVENTS)
    writers = [Writer(pace, stack.dsn, channel, name, 60) for name in range(WRITERS)]
    pager = Pager(stack.dsn, channel)
    follower = Follower(pace, ann.clone(), channel, following(ann, channel).position, END)
    slow = ['took its id first', 'commits last']
    with ThreadPoolExecutor(WRITERS + 2) as pool, contextlib.closing(psycopg2.connect(stack.dsn)) as connection:
        publishing.publish(connection.cursor(), channel, slow)
        reading, paging = pool.submit(follower.run), pool.submit(pager.run)
        try:
            for job in [pool.submit(writer.run) for writer in writers]:
                job.result(SECONDS)
            eventually(lambda: pager.found)
            connection.commit()
            with transaction() as cr:
                publishing.publish(cr, channel, END)
            reading.result(SECONDS)
        finally:
            pace.end()
            pager.over.set()
        paging.result(SECONDS)
    everything = sorted([*(payload for writer in writers for payload in writer.committed), slow], key=str)
    assert sorted((payload for _, payload in follower.found[:-1]), key=str) == everything
    assert slow not in pager.found
    assert len(pager.found) < len(everything)


def test_what_a_host_has_committed_before_it_was_killed_arrives(stack, holding, ann, admin, channel):
    """Killed between the commit and the wake-up: the sidecar's own look finds it."""
    answer = holding.follow(ann, channel)
    with contextlib.suppress(RpcError, OSError):
        admin.rpc(TELLER, 'commit_and_die', [channel, 'committed'])
    begun = time.monotonic()
    assert [event['payload'] for event in answer.result(timeout=15).json()['events']] == ['committed']
    assert time.monotonic() - begun < 10
    stack.stop_host()
    stack.start_host()


def test_events_of_transactions_that_overlap_come_in_causal_order(ann, transaction, channel):
    """What had committed before another event was published comes before it, also when that one's transaction is older.

    Of 200 pairs, each of an old transaction that publishes after a young one's commit.
    """
    page, found = following(ann, channel), []
    for number in range(200):
        with transaction() as old:
            old.execute("SELECT txid_current()")
            with transaction() as young:
                publishing.publish(young, channel, [number, 'first'])
            publishing.publish(old, channel, [number, 'second'])
    while len(found) < 400:
        found += page.payloads()
    assert found == [[number, part] for number, part in itertools.product(range(200), ('first', 'second'))]
