"""One stack a host for all of these tests: polls last three seconds, and two cursors are all there are."""

import contextlib
import itertools
import re
import time
from pathlib import Path

import psycopg2
import pytest
import requests

from sandbox.hostconfig import TRAITS
from sandbox.places import ROOT
from tests.clients import LoginRefused, RpcError, Session, visit

from . import novelties
from .programs import OE, Programs

TIMEOUT = 3
MAX_CURSOR = 2
# In which a database is made and the module installed in it, on a busy machine.
INSTALL_SECONDS = 240
_numbers = itertools.count(1)


def pytest_configure(config):
    config.addinivalue_line('markers', 'only_on(host): the test is about something that other hosts do not have')


def pytest_collection_modifyitems(items):
    """A test that is about one host does not exist for the others: it is not skipped there."""
    for item in list(items):
        only = item.get_closest_marker('only_on')
        if only and item.callspec.params['host'] != only.args[0]:
            items.remove(item)


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


@pytest.fixture(scope='session')
def oe_config(stack, programs):
    """A configuration file for `oe`: `novelties` is on its path, this addon's own folder is not."""
    configured = re.search(r'^addons_path = (.*)$', stack.config.read_text(), re.MULTILINE).group(1).split(',')
    folders = [folder for folder in configured if Path(folder) != ROOT]
    return programs.config('oe', addons_path=','.join([*folders, str(novelties.folder(stack))]), db_name=None,
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
