"""One stack a host for these tests, and polls that are held on it."""

import contextlib
import itertools

import psycopg2
import pytest

from tests.support import fixtures
from tests.support.clients import Session, visit
from tests.support.held_polls import HeldPolls
from web_longpolling import publishing

# Seconds. Longer than anything here takes: what ends a poll is never its timeout, unless a test says so.
TIMEOUT = 40
_numbers = itertools.count(1)


log, sql = fixtures.log, fixtures.sql
stack = fixtures.suite_stack(options={'longpolling_timeout': str(TIMEOUT)})


@pytest.fixture
def transaction(stack):
    """`with transaction() as cr`: a cursor past the host, committed at the end of the block."""
    @contextlib.contextmanager
    def begin():
        with contextlib.closing(psycopg2.connect(stack.dsn)) as connection:
            with connection, connection.cursor() as cr:
                yield cr
    return begin


@pytest.fixture(scope='session')
def ann(stack) -> Session:
    """An ordinary user, logged in; tests leave her session as it is."""
    visit(stack, stack.login, stack.password).create_user('ann', 'ann')
    return visit(stack, 'ann')


@pytest.fixture
def new_user(stack, admin):
    """A function that makes an ordinary user and logs him in."""
    def make() -> Session:
        login = f'user{next(_numbers)}'
        admin.create_user(login, login)
        return visit(stack, login)
    return make


@pytest.fixture
def holding(ann):
    """Starts polls in threads, and sees when the sidecar holds them."""
    with HeldPolls(ann.clone()) as polls:
        yield polls


@pytest.fixture
def publish(transaction):
    """Publishes payloads on a channel in one transaction past the host."""
    def run(channel, *payloads):
        with transaction() as cr:
            for payload in payloads:
                publishing.publish(cr, channel, payload)
    return run


@pytest.fixture
def channel() -> str:
    """The name of a channel on which nobody has said anything."""
    return f'channel-{next(_numbers)}'
