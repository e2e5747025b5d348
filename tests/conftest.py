"""What every test may ask for: the hosts, a running stack on each, and visitors to it.

    pytest --host odoo-19.0 -k login        one host, some tests

A test that takes `host` or `stack` runs once on every host; its id shows which. A host that can't be built or
brought up fails its tests. A suite that needs a stack with settings of its own makes it in its conftest, see
tests/support/fixtures.py.
"""

import pytest

from sandbox.build import HOSTS
from sandbox.running import running
from tests.support.clients import visit
from tests.support.fixtures import ADDONS, INSTALL, suite_stack

# The end of these logs belongs to the report of a failed test; in characters.
REPORTED_LOGS = ('sidecar', 'host')
REPORTED = 6000


def pytest_addoption(parser):
    parser.addoption('--host', action='append', choices=HOSTS, default=None,
                     help='run on this host only; may be given several times (default: on every host)')


    parser.addoption('--on-hosts', choices=('only', 'never'), default=None,
                     help='"only" what runs on a host, or "never" that (default: both)')


def pytest_configure(config):
    config.addinivalue_line('markers', 'only_on(host): the test is about something that other hosts do not have')


def pytest_collection_modifyitems(config, items):
    # A test that is about one host does not exist for the others: it is not skipped there.
    items[:] = [item for item in items if not _of_another_host(item)]
    wanted = config.getoption('--on-hosts')
    if wanted:
        chosen = [item for item in items if _on_a_host(item) == (wanted == 'only')]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
        items[:] = chosen


def _of_another_host(item) -> bool:
    only = item.get_closest_marker('only_on')
    return bool(only) and item.callspec.params['host'] != only.args[0]


def _on_a_host(item) -> bool:
    return 'host' in getattr(getattr(item, 'callspec', None), 'params', {})


def pytest_generate_tests(metafunc):
    if 'host' in metafunc.fixturenames:
        hosts = metafunc.config.getoption('--host') or HOSTS
        metafunc.parametrize('host', hosts, scope='session')


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """What the servers logged meanwhile belongs to the report of a failed test."""
    report = yield
    if report.failed and 'log' in getattr(item, 'funcargs', {}):
        for name in REPORTED_LOGS:
            report.sections.append((f'the end of {name}.log', item.funcargs['log'](name)[-REPORTED:]))
    return report


@pytest.fixture(scope='session')
def up():
    """Starts a stack with the tests' addons: `with up(host, **what running() takes) as stack`.

    For tests that break things or need a configuration of their own; the others share `stack`.
    """
    def start(host, addons=ADDONS, install=INSTALL, **more):
        return running(host, addons=addons, install=install, **more)
    return start


stack = suite_stack()


@pytest.fixture
def admin(stack):
    """The administrator's session, through nginx."""
    return visit(stack, stack.login, stack.password)
