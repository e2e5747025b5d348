"""One stack a host for all of these tests: polls last three seconds, and two cursors are all there are."""

import itertools
import re
import tempfile
import time
from pathlib import Path

import pytest
import requests

from sandbox.paths import ROOT
from sandbox.run import privilege
from sandbox.servers.hostconfig import TRAITS
from tests.support import addon_writer, fixtures
from tests.support.clients import LoginRefused, RpcError, Session, visit
from tests.support.programs import OE

TIMEOUT = 3
MAX_CURSOR = 2
# In which a database is made and the module installed in it, on a busy machine.
INSTALL_SECONDS = 240
_numbers = itertools.count(1)


log, programs, sql = fixtures.log, fixtures.programs, fixtures.sql
# dbfilter: Odoo would serve db_name alone, and some tests make a second database.
stack = fixtures.suite_stack(options={'longpolling_timeout': str(TIMEOUT), 'dbfilter': '.*'},
                             sidecar_args=[f'--max-cursor={MAX_CURSOR}'])


@pytest.fixture(scope='session')
def oe_config(stack, programs):
    """A configuration file for `oe`: the folder of `addon_writer` is on its path, this addon's own folder is not."""
    configured = re.search(r'^addons_path = (.*)$', stack.config.read_text(), re.MULTILINE).group(1).split(',')
    folders = [folder for folder in configured if Path(folder) != ROOT]
    return programs.config('oe', addons_path=','.join([*folders, str(addon_writer.folder(stack))]), db_name=None,
                           **{TRAITS[stack.host].port_key: programs.port()})


@pytest.fixture(scope='session')
def second(stack, programs, oe_config):
    """The name of a second database, made and once served by `oe -d second -i web_longpolling`."""
    port = re.search(rf'^{TRAITS[stack.host].port_key} = (.*)$', oe_config.read_text(), re.MULTILINE).group(1)
    with programs.starting('-c', oe_config, '-d', 'second', '-i', 'web_longpolling', script=OE) as oe:
        session = Session(stack.host, f'http://127.0.0.1:{port}', 'second')
        deadline = time.monotonic() + INSTALL_SECONDS
        while not logs_in(session):
            assert oe.child.poll() is None, oe.log
            assert time.monotonic() < deadline, oe.log
            time.sleep(0.5)
        status, _ = oe.stop(seconds=60)
        assert status == 0, oe.log
    return 'second'


def logs_in(session) -> bool:
    """Whether the host lets the administrator in by now."""
    try:
        return bool(session.login().uid)
    except (requests.RequestException, LoginRefused, RpcError, KeyError, TypeError):
        return False


@pytest.fixture
def dispatching(stack):
    """A function that lets nginx dispatch in another way until the end of the test, as `Nginx.change` takes it."""
    before = stack.nginx.dispatch
    yield stack.nginx.change
    if stack.nginx.dispatch != before:
        stack.nginx.change(**before._asdict())


@pytest.fixture
def place():
    """The path of a Unix socket in a folder that the servers' user may write; short, as such paths must be."""
    with tempfile.TemporaryDirectory(prefix='polls-', dir='/tmp') as folder:        # noqa: S108
        privilege.give(Path(folder))
        Path(folder).chmod(0o755)
        yield Path(folder) / 'longpolling.sock'


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
