"""One stack a host for these tests, and polls that are held on it."""

import contextlib
import itertools

import psycopg2
import pytest

from tests.clients import Session, visit
from web_longpolling import publishing

from .holding import Holding

# Seconds. Longer than anything here takes: what ends a poll is never its timeout, unless a test says so.
TIMEOUT = 40
_numbers = itertools.count(1)


@pytest.fixture(scope='session')
def stack(host, up):
    """The stack of this host for news. Leave it as it was found."""
    with up(host, options={'longpolling_timeout': str(TIMEOUT)}) as running_stack:
        yield running_stack


@pytest.fixture
def log(stack):
    """A function that gives what the sidecar has logged since the test began."""
    start = len(stack.log('sidecar'))
    return lambda: stack.log('sidecar')[start:]


@pytest.fixture
def transaction(stack):
    """`with transaction() as cr`: a cursor past the host, committed at the end of the block."""
    @contextlib.contextmanager
    def begin():
        with contextlib.closing(psycopg2.connect(stack.dsn)) as connection:
            with connection, connection.cursor() as cr:
                yield cr
    return begin


@pytest.fixture
def sql(transaction):
    """A function that runs one statement past the host, in a transaction of its own; returns the rows, if any."""
    def run(statement, parameters=None):
        with transaction() as cr:
            cr.execute(statement, parameters)
            return cr.fetchall() if cr.description else []
    return run


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
    with Holding(ann.clone()) as polls:
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """What the sidecar logged meanwhile belongs to the report of a failed test."""
    report = yield
    if report.failed and 'log' in getattr(item, 'funcargs', {}):
        report.sections.append(('the end of sidecar.log', item.funcargs['log']()[-4000:]))
    return report
