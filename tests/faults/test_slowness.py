"""Long transactions, a locked table, a slow controller: the others do not notice."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from tests.support.held_polls import eventually
from tests.support.resource_baseline import check_quiet
from web_longpolling import publishing

# Seconds in which somebody is answered who has nothing to wait for, on a busy machine; and how long the fault is there.
PROMPT = 3.0
WHILE = 4.0
# More than there are cursors.
SLOW = 20


@contextlib.contextmanager
def transaction(dsn):
    """A cursor whose transaction is rolled back at the end of the block."""
    with contextlib.closing(psycopg2.connect(dsn)) as connection:
        yield connection.cursor()
        connection.rollback()


@contextlib.contextmanager
def polling(session, number, route, params=None):
    """That many polls of one route in threads; yields the futures of their answers."""
    with ThreadPoolExecutor(number) as pool:
        yield [pool.submit(session.clone().poll, route, params) for _ in range(number)]


def check_the_others(present):
    """For a while others poll, follow and listen, and nobody of them waits for long."""
    begun = time.monotonic()
    while time.monotonic() - begun < WHILE:
        assert present.slowest() < PROMPT
        time.sleep(0.1)
    present.wait()


@pytest.fixture
def few(crowd):
    """A smaller crowd, whose members are answered at once if nobody is in their way."""
    return crowd(followers=20, listeners=20, pollers=6)


def test_a_long_transaction_is_not_noticed(stack, few, log):
    """Long transactions: what one has published and not yet committed keeps nobody from anything."""
    with few as present, transaction(stack.dsn) as cr:
        present.wait()
        publishing.publish(cr, present.channel, 'never')
        cr.execute("UPDATE res_partner SET name = 'never' WHERE id = 1")
        check_the_others(present)
        published = len(present.publisher.committed)
        eventually(lambda: len(present.publisher.committed) > published)
    check_quiet(log())


def test_a_locked_table_is_not_noticed(stack, few, ann, log):
    """A locked table: polls that read it get 503 or wait, the others do not notice."""
    with few as present, transaction(stack.dsn) as cr:
        present.wait()
        cr.execute("LOCK TABLE ir_attachment IN ACCESS EXCLUSIVE MODE")
        with polling(ann, SLOW, '/read/model', {'model': 'ir.attachment'}) as answers:
            check_the_others(present)
            cr.connection.rollback()
            assert {answer.result().status_code for answer in answers} <= {200, 503}
    eventually(lambda: ann.poll('/read/model', {'model': 'ir.attachment'}).status_code == 200)
    assert 'Traceback' not in log()


def test_a_slow_controller_is_not_noticed(few, ann, log):
    """A slow controller: many polls of a route whose queries take seconds keep nobody else waiting."""
    with few as present:
        present.wait()
        with polling(ann, SLOW, '/read/sleep', {'seconds': WHILE}) as answers:
            check_the_others(present)
            assert {answer.result().status_code for answer in answers} <= {200, 503}
    assert 'Traceback' not in log()


def test_a_locked_feed_holds_its_followers_and_nobody_else(stack, crowd, ann, log):
    """A locked table, that of the feed: its followers wait, the others do not notice, and nothing is lost."""
    with crowd(followers=0, listeners=0, pollers=6, publish=False) as present, \
            crowd(followers=40, listeners=0, pollers=0) as followers:
        eventually(lambda: len(followers.publisher.committed) > 1)
        present.wait()
        with transaction(stack.dsn) as cr:
            cr.execute("LOCK TABLE longpolling_event IN ACCESS EXCLUSIVE MODE")
            check_the_others(present)
    assert 'Traceback' not in log()
