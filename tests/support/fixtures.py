"""The fixtures that every suite needs on its own stack: `stack`, `programs`, `log` and `sql`.

    from tests.support import fixtures

    log, programs, sql = fixtures.log, fixtures.programs, fixtures.sql
    stack = fixtures.suite_stack(options={'longpolling_timeout': '3'}, sidecar_args=['--max-cursor=2'])

in the conftest of a suite gives it a stack with its own settings, and these fixtures of that stack. They are named
in each conftest, instead of being defined in tests/conftest.py, because pytest keeps the value of a session fixture
for the whole session: a fixture of the root conftest would give the second suite what it made of the first one's
stack.
"""

import contextlib
import itertools

import psycopg2
import pytest

from sandbox.paths import ROOT
from sandbox.running import running
from tests.support.clients import Session, visit
from tests.support.held_polls import HeldPolls
from tests.support.programs import Programs
from web_longpolling import publishing

ADDONS = (ROOT / 'tests' / 'addons', ROOT / 'examples')
INSTALL = ('longpolling_test', 'longpolling_demo')


_numbers = itertools.count(1)


def suite_stack(*, addons_fixture: str | None = None, **settings):
    """The fixture `stack` of a suite: one stack a host, which all its tests share and leave as they found it.

    settings            what `sandbox.running.running` takes; `addons` and `install` default to the tests' own
    addons_fixture      the name of a fixture that gives one more folder with addons
    """
    @pytest.fixture(scope='session', name='stack')
    def stack(host, request):
        given = {'addons': ADDONS, 'install': INSTALL, **settings}
        if addons_fixture:
            given['addons'] = (*given['addons'], request.getfixturevalue(addons_fixture))
        with running(host, **given) as running_stack:
            yield running_stack
    return stack


@pytest.fixture(scope='session')
def programs(stack) -> Programs:
    """Runs server.py, oe and the host's Python as the stack runs its servers."""
    return Programs(stack)


@pytest.fixture(autouse=True)
def log(stack):
    """A function that gives what the sidecar (or another server) has logged since the test began."""
    starts = {path.stem: len(stack.log(path.stem)) for path in stack.log_dir.glob('*.log')}

    def read(name='sidecar') -> str:
        return stack.log(name)[starts.get(name, 0):]
    return read


@pytest.fixture(scope='session')
def sql(stack):
    """A function that runs SQL past the host, committed at once; returns the rows, if there are any.

    It runs as PostgreSQL's superuser, which may also end the connections of others and change settings.
    """
    def run(statement, parameters=None, db=stack.db):
        with contextlib.closing(psycopg2.connect(stack.postgresql.dsn(db, 'postgres'))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else []
    return run


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
