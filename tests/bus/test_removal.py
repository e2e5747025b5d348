"""Removed, everything is stock again, and nothing is left in the database."""

import pytest

from tests.bus.conftest import INSTALL, TIMEOUT
from tests.support import fixtures
from tests.support.bus_client import MESSAGES, BusClient, enter
from tests.support.clients import visit
from tests.support.held_polls import eventually

pytestmark = pytest.mark.only_on('odoo-19.0')
stack = fixtures.suite_stack(options={'longpolling_timeout': str(TIMEOUT)}, install=INSTALL)
log, sql = fixtures.log, fixtures.sql

# What a removed module may leave: that there is such a module, and what the log of the host's own jobs says.
LEFT_IN = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND data_type IN ('character varying', 'text', 'jsonb')
    AND table_name IN (SELECT relname FROM pg_class WHERE relkind = 'r')"""


def test_the_addon_is_removed_without_a_trace(stack, admin, sql):
    admin.rpc('ir.config_parameter', 'set_param', ['web_longpolling_bus.transport', 'longpolling'])
    info = admin.call('/web/session/get_session_info', {})
    assert '~longpolling~' in info['websocket_worker_version']
    browser = BusClient(admin.clone())
    browser.subscribe('test')
    admin.rpc('longpolling.bus.test', 'send', ['test', ['one']])
    browser.poll_until(browser.payloads)
    online = enter(admin)
    assert sql("SELECT status FROM mail_presence WHERE user_id = %s", (admin.uid,)) == [('online',)]
    admin.uninstall('web_longpolling_bus')

    admin = visit(stack, stack.login, stack.password)
    assert '~' not in admin.call('/web/session/get_session_info', {})['websocket_worker_version']
    assert b'web_longpolling_bus' not in admin.http.get(
        f'{stack.url}/bus/websocket_worker_bundle?v=after', timeout=60).content
    stock = admin.call('/websocket/peek_notifications', {'channels': ['test'], 'last': browser.last - 1,
                                                         'is_first_poll': True})
    assert [each['message']['payload'] for each in stock['notifications'] if each['id'] == browser.last] == ['one']
    admin.rpc('longpolling.bus.test', 'send', ['test', ['two']])
    assert admin.http.post(f'{stack.url}/web_longpolling_bus/leave', data='x', timeout=30).status_code == 404
    # By this a page that polled knows that it has to open a WebSocket.
    assert admin.http.post(f'{stack.url}/web_longpolling_bus/subscribe', json={}, timeout=30).status_code == 404
    eventually(lambda: admin.poll(MESSAGES, {'ticket': browser.ticket}).status_code in (404, 410))

    # With a WebSocket it would have been closed.
    assert sql("SELECT status FROM mail_presence WHERE user_id = %s", (online.uid,)) == [('offline',)]
    assert sql("SELECT relname FROM pg_class WHERE relname LIKE 'web\\_longpolling\\_bus%'") == []
    left = [(table, column) for table, column in sql(LEFT_IN) if sql(
        f'SELECT 1 FROM "{table}" WHERE "{column}"::text LIKE \'%%web_longpolling_bus%%\' LIMIT 1')]
    assert [each for each in left if each[0] not in ('ir_module_module', 'ir_model_data', 'ir_logging')] == []
    assert sql("SELECT module, name FROM ir_model_data WHERE module = 'web_longpolling_bus'") == []
