"""One stack a host for all of these tests: polls last three seconds, and two cursors are all there are."""

import contextlib
import itertools
import time

import psycopg2
import pytest

from tests.clients import Session, visit

from .programs import Programs

TIMEOUT = 3
MAX_CURSOR = 2
_numbers = itertools.count(1)


@pytest.fixture(scope='session')
def stack(host, up):
    """The stack of this host for the contract. Leave it as it was found.

    dbfilter: Odoo would serve db_name alone, and some tests make a second database.
    """
    with up(host, options={'longpolling_timeout': str(TIMEOUT), 'dbfilter': '.*'},
            sidecar_args=[f'--max-cursor={MAX_CURSOR}']) as running_stack:
        yield running_stack


@pytest.fixture(scope='session')
def programs(stack) -> Programs:
    """Runs server.py, oe and the host's Python as the stack runs its servers."""
    return Programs(stack)


@pytest.fixture(autouse=True)
def log(stack):
    """A function that gives what the sidecar (or another server) has logged since the test began."""
    starts = {name: len(stack.log(name)) for name in ('sidecar', 'host')}

    def read(name='sidecar') -> str:
        return stack.log(name)[starts[name]:]
    return read


@pytest.fixture(scope='session')
def sql(stack):
    """A function that runs SQL past the host, committed at once; returns the rows, if there are any."""
    def run(statement, parameters=None, db=stack.db):
        with contextlib.closing(psycopg2.connect(stack.postgresql.dsn(db))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else []
    return run


@pytest.fixture
def dispatching(stack):
    """A function that lets nginx dispatch in another way until the end of the test, as `Nginx.change` takes it."""
    def change(**changes):
        leaving = stack.log('nginx').count('gracefully shutting down')
        stack.nginx.change(**changes)
        deadline = time.monotonic() + 10
        while stack.log('nginx').count('gracefully shutting down') == leaving:
            assert time.monotonic() < deadline, 'nginx still accepts connections with its old configuration'
            time.sleep(0.02)

    before = stack.nginx.dispatch
    yield change
    if stack.nginx.dispatch != before:
        change(**before._asdict())


@pytest.fixture
def visitor(stack) -> Session:
    """Somebody who is not logged in, through nginx."""
    return visit(stack)


@pytest.fixture
def new_user(stack, admin):
    """A function that makes an ordinary user (login and password are the same word) and logs him in."""
    def make(word='user') -> Session:
        login = f'{word}{next(_numbers)}'
        admin.create_user(login, login)
        return visit(stack, login)
    return make


@pytest.fixture(scope='session')
def ann(stack) -> Session:
    """An ordinary user, logged in; tests leave her session as it is."""
    visit(stack, stack.login, stack.password).create_user('ann', 'ann')
    return visit(stack, 'ann')


@pytest.fixture
def partner(admin) -> int:
    """The id of a partner named 'unchanged'."""
    return admin.rpc('res.partner', 'create', [{'name': 'unchanged'}])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """What the servers logged meanwhile belongs to the report of a failed test."""
    report = yield
    if report.failed and 'log' in getattr(item, 'funcargs', {}):
        for name in ('sidecar', 'host'):
            report.sections.append((f'the end of {name}.log', item.funcargs['log'](name)[-4000:]))
    return report
