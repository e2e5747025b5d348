"""One stack a host for these tests, a crowd on it, and what the sidecar holds before and after."""

import contextlib
import itertools
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from sandbox.run.process import base_environment
from tests.support import addon_writer, fixtures
from tests.support.clients import Session, visit
from tests.support.resource_baseline import Baseline

from .background_load import BackgroundLoad

# Seconds. Longer than any fault: what ends a held poll is never its timeout.
TIMEOUT = 40
PEOPLE = 4
# In which everything of a crowd is given back.
RETURN = 15
_numbers = itertools.count(1)


@pytest.fixture(scope='session')
def later(host):
    """A folder on the hosts' path, for addons that are written while they run."""
    with tempfile.TemporaryDirectory(prefix='later-') as folder:
        Path(folder).chmod(0o755)
        addon_writer.write_in(Path(folder), 'longpolling_placeholder', '')     # a host refuses a path without any addon
        yield Path(folder)


log, programs, sql = fixtures.log, fixtures.programs, fixtures.sql
# dbfilter: Odoo would serve db_name alone, and some tests make a second database.
stack = fixtures.suite_stack(addons_fixture='later', options={'longpolling_timeout': str(TIMEOUT), 'dbfilter': '.*'})


@pytest.fixture(scope='session')
def dump(stack):
    """A function that copies a database into another, empty one, as an administrator restores a backup."""
    def copy(source: str, target: str):
        bin_folder = stack.tools.postgres_bin
        environment = {**base_environment(stack.folder), 'PGPASSWORD': stack.postgresql.password}
        dumping = subprocess.Popen([bin_folder / 'pg_dump', '-Fc', '-Z0', stack.postgresql.dsn(source)],
                                   env=environment, stdout=subprocess.PIPE)
        subprocess.run([bin_folder / 'pg_restore', '--exit-on-error', '-d', stack.postgresql.dsn(target)],
                       env=environment, stdin=dumping.stdout, check=True)
        dumping.stdout.close()
        assert dumping.wait() == 0
    return copy


@pytest.fixture(scope='session')
def second(stack, dump) -> str:
    """The name of a second database, a copy of the first."""
    stack.postgresql.create_database('second')
    dump(stack.db, 'second')
    return 'second'


@pytest.fixture(scope='session')
def people(stack) -> list[Session]:
    """Some ordinary users, logged in; tests leave their sessions as they are."""
    admin = visit(stack, stack.login, stack.password)
    logins = [f'person{number}' for number in range(PEOPLE)]
    for login in logins:
        admin.create_user(login, login)
    return [visit(stack, login) for login in logins]


@pytest.fixture
def ann(people) -> Session:
    """One of them."""
    return people[0].clone()


@pytest.fixture
def new_user(stack, admin):
    """A function that makes an ordinary user and logs him in."""
    def make(**values) -> Session:
        login = f'user{next(_numbers)}'
        admin.create_user(login, login, **values)
        return visit(stack, login)
    return make


@pytest.fixture
def channel() -> str:
    """The name of a channel on which nobody has said anything."""
    return f'channel-{next(_numbers)}'


@pytest.fixture
def crowd(stack, people, channel):
    """`with crowd() as present`: some two hundred held polls and pollers that come and go, until the block ends."""
    return lambda **more: BackgroundLoad(stack, people, channel, **more)


@pytest.fixture(scope='session')
def _warm(stack, people):
    """Somebody was there before: what is made once and kept is there."""
    with BackgroundLoad(stack, people, 'warm') as present:
        present.wait(3)


@pytest.fixture
def returns(stack, people, _warm):
    """`with returns()`: what the sidecar holds after the block is what it held before, and it is the same process."""
    def now():
        return Baseline.of(stack, people[0].clone())

    @contextlib.contextmanager
    def block():
        before = now()
        yield
        deadline = time.monotonic() + RETURN
        while above := now().above(before):
            assert time.monotonic() < deadline, above
            time.sleep(0.2)
    return block
