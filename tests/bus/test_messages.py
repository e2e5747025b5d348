"""The messages of the bus: what stock sends arrives through the feed, once, to those whom it is for."""

import itertools
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.bus_client import BusClient
from tests.support.clients import RpcError, Session, visit

pytestmark = pytest.mark.only_on('odoo-19.0')
_numbers = itertools.count(1)
# As many as every run has the time for; BUS_MESSAGES=2000 in the environment takes three minutes.
OVERLAPPING, AT_ONCE = int(os.environ.get('BUS_MESSAGES', '400')), 12


@pytest.fixture
def channel() -> str:
    return f'test-channel-{next(_numbers)}'


def test_what_is_sent_arrives_with_the_id_of_its_row(client, ann, send, channel, sql):
    browser = client(ann, channel)
    send(channel, {'text': 'one'}, {'text': 'two'})
    browser.poll_until(lambda: len(browser.payloads()) == 2)
    assert browser.payloads() == [{'text': 'one'}, {'text': 'two'}]
    rows = sql("SELECT id FROM bus_bus WHERE channel LIKE %s ORDER BY id", (f'%{channel}%',))
    assert [message['id'] for message in browser.messages if message['message']['type'] == 'test'] == [
        number for number, in rows]


def test_the_first_catch_up_has_neither_gap_nor_repeat(client, ann, send, channel):
    """What was sent before comes with the subscription, what is sent afterwards with the polls."""
    send(channel, 'seen')
    first, later = client(ann, channel), client(ann)
    send(channel, 'before')
    later.position, later.messages = None, []
    later.subscribe(channel, last=first.last)
    assert later.payloads() == ['before']
    send(channel, 'after')
    later.poll_until(lambda: len(later.payloads()) == 2)
    assert later.payloads() == ['before', 'after']


def test_another_subscription_goes_on_from_the_position(client, ann, send, channel):
    """A message on a channel that is added comes, if it was sent after the last answer."""
    browser = client(ann, channel)
    send(f'{channel}-2', 'between')
    send(channel, 'own')
    browser.subscribe(channel, f'{channel}-2')
    browser.poll_until(lambda: len(browser.payloads()) == 2)
    assert sorted(browser.payloads()) == ['between', 'own']


def test_what_was_sent_on_a_channel_before_it_is_added_comes_as_with_a_websocket(client, ann, send, channel):
    """A page reads who is there and subscribes a moment later: what is said in between is before its position."""
    browser = client(ann, channel)
    before = browser.last
    send(f'{channel}-2', 'between')
    send(channel, 'own')
    browser.poll_until(lambda: browser.payloads() == ['own'])
    browser.subscribe(channel, f'{channel}-2', last=before)
    assert browser.payloads() == ['own', 'between']
    send(channel, 'more')
    browser.poll_until(lambda: len(browser.payloads()) == 3)
    assert browser.payloads() == ['own', 'between', 'more']


def test_a_message_is_as_large_as_stock_lets_it_be(client, ann, send, channel):
    """An event of the feed ends at 1 MB, so it comes in several."""
    browser = client(ann, channel)
    text = '"\\ä' * 400000
    send(channel, text, 'small')
    browser.poll_until(lambda: len(browser.payloads()) == 2)
    assert browser.payloads() == [text, 'small']


def test_a_subscription_is_as_large_as_odoos_own_socket_lets_it_be(stack, ann, channel, sql):
    """1 MB. A visitor without a login would fill the database, and the sidecar's memory, by a few requests."""
    visitor = BusClient(visit(stack))
    before = sql("SELECT count(*) FROM longpolling_ticket")
    for browser in (visitor, BusClient(ann.clone())):
        with pytest.raises(RpcError, match='1048576 bytes'):
            browser.subscribe(*(f'{channel}-{number:06}' for number in range(80000)))
        with pytest.raises(RpcError, match='1048576 bytes'):
            browser.event('update_presence', {'inactivity_period': '0' * 2 ** 20})
    assert sql("SELECT count(*) FROM longpolling_ticket") == before
    visitor.subscribe(*(f'{channel}-{number:06}' for number in range(20000)))
    assert visitor.poll() == 204
    visitor.leave()


def test_a_row_that_another_module_writes_may_hold_any_character(client, ann, admin, channel):
    """Odoo's own messages are ASCII, and of others each character may be twelve bytes of an event."""
    browser = client(ann, channel)
    text = '\U0001f600\u20ac' * 150000
    admin.rpc('longpolling.bus.test', 'write_row', [channel, text])
    browser.poll_until(browser.payloads)
    assert browser.payloads() == [text]


def test_a_message_to_a_thousand_channels_takes_few_statements(client, ann, admin, channel, capsys):
    """Each statement is a round trip to the database."""
    channels = [f'{channel}-{number}' for number in range(1000)]
    browser = client(ann, *channels[::500])
    statements, seconds = admin.rpc('longpolling.bus.test', 'send_to_many', [channels, 'to all'])
    browser.poll_until(lambda: len(browser.payloads()) == 2)
    with capsys.disabled():
        print(f'\na message to 1,000 channels: {statements} statements, {1000 * seconds:.0f} ms')
    assert statements < 30


def test_somebody_without_a_login_is_told_what_is_his(stack, client, ann, send, channel):
    """A visitor of a public page has a session, and no user."""
    visitor = client(visit(stack), channel)
    assert visitor.uid is False
    send(channel, 'public')
    visitor.poll_until(visitor.payloads)
    assert visitor.payloads() == ['public']


def test_the_ticket_is_of_no_use_to_others(stack, client, ann, bob, channel):
    browser = client(ann, channel)
    thief = BusClient(bob.clone())
    thief.ticket, thief.position = browser.ticket, browser.position
    assert thief.poll() == 410
    thief.session = visit(stack)
    assert thief.poll() == 401


def test_nobody_follows_what_is_anothers(client, ann, bob, admin, sql):
    """The host works out the channels, whatever the browser asks for."""
    [(partner,)] = sql("SELECT partner_id FROM res_users WHERE id = %s", (ann.uid,))
    spy, browser = client(bob, f'res.partner_{partner}', f'["sandbox","res.partner",{partner}]'), client(ann)
    admin.rpc('res.users', 'write', [[ann.uid], {'tz': 'Europe/Paris'}])
    admin.rpc('longpolling.bus.test', 'send_to_users', [[ann.uid], 'secret'])
    browser.poll_until(browser.payloads)
    assert browser.payloads() == ['secret']
    spy.poll()
    assert spy.payloads() == []


def test_an_outdated_worker_is_told(client, ann):
    """As Odoo's server tells it; then the page asks for being loaded again."""
    browser = client(ann)
    now = browser.session.call('/web/session/get_session_info', {})['websocket_worker_version'].split('~')
    ask = {'name': browser.name, 'channels': [], 'last': 0}
    for version in ('1.0~' + now[-1], now[0] + '~00000000'):
        assert browser.session.call('/web_longpolling_bus/subscribe', {**ask, 'version': version}) == {'outdated': True}
    assert 'ticket' in browser.session.call('/web_longpolling_bus/subscribe', {
        **ask, 'version': f'{now[0]}~{now[-1]}'})


def test_a_changed_password_ends_it(stack, client, admin, send, channel):
    admin.create_user('carl', 'carl')
    browser = client(visit(stack, 'carl'), channel)
    admin.set_password(browser.uid, 'another')
    send(channel, 'secret')
    assert browser.poll() == 401
    assert browser.subscribe(channel) == browser.event('update_presence', {'inactivity_period': 0}) == {'expired': True}
    assert browser.payloads() == []


def test_missed_messages_reach_the_page(stack, client, ann, send, channel, sql):
    """Who comes back after the retention is told so, and Odoo's page asks for that by this route."""
    browser = client(ann, channel)
    ask = {'last_notification_id': sql("SELECT max(id) FROM bus_bus")[0][0]}
    assert browser.session.call('/bus/has_missed_notifications', ask) is False
    sql("UPDATE longpolling_origin SET horizon = txid_current()")
    try:
        stack.stop_sidecar()
        stack.start_sidecar()
        response = browser.session.poll('/web_longpolling_bus/messages', {'ticket': browser.ticket},
                                        headers={'X-Longpolling-Since': browser.position})
        assert response.json()['missed'] is True
    finally:
        sql("UPDATE longpolling_origin SET horizon = 0")
    browser.session.call('/web_longpolling_bus/missed', {})
    assert browser.session.call('/bus/has_missed_notifications', ask) is True
    assert browser.session.call('/bus/has_missed_notifications', ask) is False, 'it is said once'


@pytest.mark.parametrize('name, value, says', [
    ('transport', ' LongPolling ', '~longpolling~'), ('transport', 'polling', '~auto~'), ('transport', 'WEBSOCKET', ''),
    ('retry', '60s', '~60~'), ('retry', '1.5', '~1~'), ('retry', '-5', '~1~'), ('retry', 'nan', '~60~'),
    ('retry', '1e9', '~86400~'), ('renewal', '2m', 120), ('renewal', '1e99', 86400), ('renewal', ' 7 ', 7)])
def test_no_page_fails_by_a_wrong_parameter(client, ann, admin, name, value, says):
    """It could not be corrected any more."""
    admin.rpc('ir.config_parameter', 'set_param', [f'web_longpolling_bus.{name}', value])
    try:
        if name == 'renewal':
            assert client(ann).renewal == says
        else:
            version = ann.call('/web/session/get_session_info', {})['websocket_worker_version']
            assert says in version if says else '~' not in version
    finally:
        admin.rpc('ir.config_parameter', 'set_param', [f'web_longpolling_bus.{name}', False])


class StockReader:
    """Asks as Odoo's browsers do when they connect again: for what has a higher id than the last message."""

    def __init__(self, session: Session, channel: str):
        self.session, self.channel = session, channel
        self.last = 0
        self.got: list = []

    def look(self, first=False):
        said = self.session.call('/websocket/peek_notifications', {
            'channels': [self.channel], 'last': self.last, 'is_first_poll': first})
        self.got += [each['message']['payload'] for each in said['notifications'] if each['message']['type'] == 'test']
        self.last = max([self.last, *(each['id'] for each in said['notifications'])])


def test_none_of_many_overlapping_transactions_is_lost(stack, client, ann, bob, admin, channel, capsys):
    """A row's id is given out before its transaction commits: who asks for higher ids loses those that commit late."""
    stock, browser = StockReader(bob.clone(), channel), client(ann, channel)
    admin.rpc('longpolling.bus.test', 'send', [channel, ['begin']])
    stock.look(first=True)
    over = threading.Event()

    def send_one(number):
        local = threads.__dict__
        if 'session' not in local:
            local['session'] = admin.clone()
        pause = 1 if number % 50 == 0 else random.choice((0, 0.01, 0.05))
        local['session'].rpc('longpolling.bus.test', 'send', [channel, [number], pause])

    def look():
        while not over.is_set():
            stock.look()

    threads = threading.local()
    looking = threading.Thread(target=look)
    looking.start()
    polling = browser.polling(over)
    with ThreadPoolExecutor(AT_ONCE) as senders:
        list(senders.map(send_one, range(OVERLAPPING)))
    admin.rpc('longpolling.bus.test', 'send', [channel, ['end']])
    over.set()
    looking.join()
    polling.join()
    stock.look()
    browser.poll_until(lambda: 'end' in browser.payloads())
    numbers = [payload for payload in browser.payloads() if isinstance(payload, int)]
    lost = set(range(OVERLAPPING)) - set(stock.got)
    with capsys.disabled():
        print(f'\nof {OVERLAPPING} messages `id > last` has lost {len(lost)}, the feed '
              f'{OVERLAPPING - len(set(numbers))}')
    assert sorted(numbers) == list(range(OVERLAPPING)), 'each one, and each once'
    assert lost
