"""A host with worker processes: HTTP workers have no WebSocket, and the process that has one need not be reachable."""

import pytest
import requests

from tests.bus.conftest import INSTALL, TIMEOUT
from tests.support import fixtures
from tests.support.bus_client import BusClient
from tests.support.clients import visit

pytestmark = pytest.mark.only_on('odoo-19.0')
stack = fixtures.suite_stack(options={'longpolling_timeout': str(TIMEOUT), 'workers': '2', 'gevent_port': '0'},
                             install=INSTALL)
log, sql = fixtures.log, fixtures.sql

HANDSHAKE = {'Connection': 'Upgrade', 'Upgrade': 'websocket', 'Sec-WebSocket-Version': '13', 'Origin': 'http://127.0.0.1',
             'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA=='}


def test_a_bus_without_the_evented_port(stack, admin):
    """What the workers send wakes polls, and what browsers send up reaches any of them."""
    answer = requests.get(f'{stack.url}/websocket?version=19.0-2', headers=HANDSHAKE, timeout=30,
                          cookies=dict([admin.cookie]))
    assert answer.status_code == 500, 'an HTTP worker opens no WebSocket'
    browsers = [BusClient(admin.clone()), BusClient(visit(stack))]
    for browser in browsers:
        browser.subscribe('test')
        browser.event('update_presence', {'inactivity_period': 0})
    for number in range(5):
        admin.rpc('longpolling.bus.test', 'send', ['test', [number]])
    for browser in browsers:
        browser.poll_until(lambda: len(browser.payloads()) == 5)        # noqa: B023  called at once
        assert browser.payloads() == list(range(5))
    assert admin.rpc('res.users', 'read', [[admin.uid], ['im_status']])[0]['im_status'] == 'online'
    browsers[0].leave()
    assert admin.rpc('res.users', 'read', [[admin.uid], ['im_status']])[0]['im_status'] == 'offline'
