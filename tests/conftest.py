"""What every test may ask for: the hosts, a running stack on each, and visitors to it.

    pytest --host odoo-19.0 -k login        one host, some tests

A test that takes `host` or `stack` runs once on every host; its id shows which. A host that can't be built or
brought up fails its tests.
"""

from pathlib import Path

import pytest

from sandbox.build import HOSTS
from sandbox.running import running
from tests.clients import visit

ROOT = Path(__file__).resolve().parent.parent
ADDONS = (ROOT / 'tests' / 'addons', ROOT / 'examples')
INSTALL = ('longpolling_test', 'longpolling_demo')


def pytest_addoption(parser):
    parser.addoption('--host', action='append', choices=HOSTS, default=None,
                     help='run on this host only; may be given several times (default: on every host)')


def pytest_generate_tests(metafunc):
    if 'host' in metafunc.fixturenames:
        hosts = metafunc.config.getoption('--host') or HOSTS
        metafunc.parametrize('host', hosts, scope='session')


@pytest.fixture(scope='session')
def up():
    """Starts a stack with the tests' addons: `with up(host, **what running() takes) as stack`.

    For tests that break things or need a configuration of their own; the others share `stack`.
    """
    def start(host, addons=ADDONS, install=INSTALL, **more):
        return running(host, addons=addons, install=install, **more)
    return start


@pytest.fixture(scope='session')
def stack(host, up):
    """The stack of this host that all tests share. Leave it as it was found.

    One host at a time is up: pytest runs the tests of a session's parameter together.
    """
    with up(host) as running_stack:
        yield running_stack


@pytest.fixture
def admin(stack):
    """The administrator's session, through nginx."""
    return visit(stack, stack.login, stack.password)
