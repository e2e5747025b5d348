"""Odoo's own bus over long polling, in Odoo 19.0 with Discuss. OpenERP 7.0 has no such bus, and no test of it here."""

import pytest

from tests.support import fixtures
from tests.support.bus_client import BusClient
from tests.support.clients import Session, visit

TIMEOUT = 10
INSTALL = ('mail', 'web_longpolling_bus', 'longpolling_bus_test')


log, programs, sql = fixtures.log, fixtures.programs, fixtures.sql
stack = fixtures.suite_stack(options={'longpolling_timeout': str(TIMEOUT)}, install=INSTALL)


def user(login: str):
    """The fixture of an ordinary user, logged in, on the stack of the module that names it."""
    @pytest.fixture(scope='session', name=login)
    def session(stack) -> Session:
        visit(stack, stack.login, stack.password).create_user(login, login)
        return visit(stack, login)
    return session


ann, bob = user('ann'), user('bob')


@pytest.fixture
def client():
    """`client(session, *channels)`: a browser of this login that has subscribed, and leaves at the end."""
    browsers = []

    def make(session: Session, *channels: str) -> BusClient:
        browsers.append(BusClient(session.clone()))
        browsers[-1].subscribe(*channels)
        return browsers[-1]
    yield make
    for browser in browsers:
        browser.leave()


@pytest.fixture
def send(admin):
    """`send(channel, *payloads, pause=0)`: in one transaction of the host."""
    return lambda channel, *payloads, pause=0: admin.rpc('longpolling.bus.test', 'send', [channel, payloads, pause])


@pytest.fixture
def status(admin):
    """`status(uid)`: the presence of a user, as others see it."""
    return lambda uid: admin.rpc('res.users', 'read', [[uid], ['im_status']])[0]['im_status']
