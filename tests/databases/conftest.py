"""One stack a host for these tests, and databases beside its own: copies, as `createdb -T` makes them."""

import contextlib
import itertools

import pytest

from tests.support import fixtures
from tests.support.clients import Session

_numbers = itertools.count(1)

log, programs, sql = fixtures.log, fixtures.programs, fixtures.sql
stack = fixtures.suite_stack(options={'longpolling_timeout': '20', 'dbfilter': '.*'})

KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"


@pytest.fixture(scope='session')
def original(stack, sql) -> str:
    """A database that nobody uses, to be copied."""
    sql(f'ALTER DATABASE {stack.db} WITH ALLOW_CONNECTIONS false', db='postgres')
    try:
        sql(KILL, (stack.db,), db='postgres')
        stack.postgresql.execute(f'CREATE DATABASE original OWNER openerp TEMPLATE {stack.db}')
    finally:
        sql(f'ALTER DATABASE {stack.db} WITH ALLOW_CONNECTIONS true', db='postgres')
    return 'original'


@pytest.fixture
def copies(stack, sql, original):
    """`copies(n)`: the names of so many new databases, which are dropped after the test."""
    made = []

    def make(number=1) -> list[str]:
        names = [f'many_{next(_numbers)}' for _ in range(number)]
        for name in names:
            sql(f'CREATE DATABASE {name} OWNER openerp TEMPLATE {original}')
        made.extend(names)
        return names
    yield make
    for name in made:
        sql(f'DROP DATABASE IF EXISTS {name} WITH (FORCE)')


@pytest.fixture(scope='session')
def login(stack):
    """A function that logs the administrator in to a database."""
    return lambda name: Session(stack.host, stack.url, name, stack.path).login()


@pytest.fixture(scope='session')
def residents(stack, sql, original, login) -> list[Session]:
    """Sessions of three databases that stay as they are."""
    names = [f'many_resident{number}' for number in range(3)]
    for name in names:
        sql(f'CREATE DATABASE {name} OWNER openerp TEMPLATE {original}')
    return [login(name) for name in names]


@pytest.fixture
def trio(residents) -> list[Session]:
    """The same on connections of the test's own."""
    return [session.clone() for session in residents]


@pytest.fixture
def on_demand(stack, programs):
    """`with on_demand(*arguments, **options)`: a sidecar that was started without -d and db_name."""
    @contextlib.contextmanager
    def block(*arguments, **options):
        config = programs.config('on-demand', db_name=None, **options)
        with programs.serving('-c', config, '-p', programs.port(), *arguments) as serving:
            yield serving
    return block
