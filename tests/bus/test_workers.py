"""A host with worker processes: HTTP workers have no WebSocket, and the process that has one need not be reachable."""

import socket

import pytest

from tests.bus.conftest import INSTALL, TIMEOUT, user
from tests.support import fixtures
from tests.support.bus_client import ONLINE, BusClient, enter
from tests.support.clients import visit
from tests.support.held_polls import eventually
from tests.support.websocket import WebSocket

pytestmark = pytest.mark.only_on('odoo-19.0')


def free_port() -> int:
    with socket.create_server(('127.0.0.1', 0)) as server:
        return server.getsockname()[1]


EVENTED = free_port()
stack = fixtures.suite_stack(options={'longpolling_timeout': str(TIMEOUT), 'workers': '2', 'gevent_port': str(EVENTED)},
                             install=INSTALL)
log, sql = fixtures.log, fixtures.sql
ann, bob = user('ann'), user('bob')


@pytest.fixture
def evented(stack):
    """The dispatcher sends /websocket to the evented port, and nothing else."""
    stack.nginx.change(bus_port=EVENTED)
    yield
    stack.nginx.change(bus_port=None)


def opened(session, *channels: str) -> WebSocket:
    """A WebSocket that has subscribed, and whose user is there."""
    web_socket = WebSocket(session)
    assert web_socket.status == 101
    web_socket.send('subscribe', {'channels': channels, 'last': 0})
    web_socket.send('update_presence', ONLINE)
    return web_socket


def test_a_bus_without_the_evented_port(stack, admin, status):
    """What the workers send wakes polls, and what browsers send up reaches any of them."""
    with WebSocket(admin) as web_socket:
        assert web_socket.status == 500, 'an HTTP worker opens no WebSocket'
    browsers = [BusClient(admin.clone()), BusClient(visit(stack))]
    for browser in browsers:
        browser.subscribe('test')
        browser.event('update_presence', ONLINE)
    for number in range(5):
        admin.rpc('longpolling.bus.test', 'send', ['test', [number]])
    for browser in browsers:
        browser.poll_until(lambda: len(browser.payloads()) == 5)        # noqa: B023  called at once
        assert browser.payloads() == list(range(5))
    assert status(admin.uid) == 'online'
    browsers[0].leave()
    assert status(admin.uid) == 'offline'


def test_a_bus_with_the_evented_port_alone(stack, evented, ann, send, status):
    """Where no sidecar answers, what Odoo does with a WebSocket is as without the addon."""
    stack.stop_sidecar()
    try:
        with opened(ann, 'evented') as web_socket:
            eventually(lambda: status(ann.uid) == 'online')
            send('evented', 'one', 'two')
            web_socket.read_until(lambda: len(web_socket.payloads()) == 2)
            assert web_socket.payloads() == ['one', 'two']
            assert ann.poll('/web_longpolling_bus/open').status_code == 502, 'so the browser stays with its WebSocket'
            web_socket.close()
        eventually(lambda: status(ann.uid) == 'offline')
    finally:
        stack.start_sidecar()


def test_a_bus_with_both(stack, evented, ann, bob, send, status, sql):
    """One browser has a WebSocket, others poll: each gets the same messages, with the same ids, in the same order."""
    [(partner,)] = sql("SELECT partner_id FROM res_users WHERE id = %s", (ann.uid,))
    polling = [enter(ann), BusClient(bob.clone())]
    for browser in polling:
        browser.subscribe('both', f'odoo-presence-res.partner_{partner}')
    with opened(ann, 'both') as web_socket:
        for number in range(5):
            send('both', number)
        web_socket.read_until(lambda: len(web_socket.payloads()) == 5)
        for browser in polling:
            browser.poll_until(lambda: len(browser.payloads()) == 5)        # noqa: B023  called at once
        ids = [[each['id'] for each in some.messages if each['message']['type'] == 'test']
               for some in (web_socket, *polling)]
        assert ids[0] == ids[1] == ids[2] == sorted(ids[0])
        web_socket.close()

    # Odoo takes her for gone when a WebSocket closes; her other browser hears of it, and says that she is there.
    told = lambda: [each['presence_status'] for each in polling[0].payloads('bus.bus/im_status_updated')    # noqa: E731
                    if each['partner_id'] == partner]
    polling[0].poll_until(lambda: told()[-1:] == ['offline'])
    polling[0].event('update_presence', ONLINE)
    assert status(ann.uid) == 'online'
    polling[0].leave()
    assert status(ann.uid) == 'offline'
    polling[1].leave()
