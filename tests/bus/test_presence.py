"""Presence: who polls is online, and offline when his last tab leaves, his browser crashes, or his network is gone."""

import contextlib
import re
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from tests.support.bus_client import ONLINE, BusClient, enter
from tests.support.clients import visit
from tests.support.held_polls import eventually

pytestmark = pytest.mark.only_on('odoo-19.0')


@pytest.fixture
def renewal(admin):
    """Browsers renew every second, so that they are missed soon."""
    admin.rpc('ir.config_parameter', 'set_param', ['web_longpolling_bus.renewal', '1'])
    yield
    admin.rpc('ir.config_parameter', 'set_param', ['web_longpolling_bus.renewal', False])


def test_who_polls_is_online_and_offline_when_his_last_tab_leaves(ann, bob, client, status, sql):
    [(partner,)] = sql("SELECT partner_id FROM res_users WHERE id = %s", (ann.uid,))
    other = client(bob, f'odoo-presence-res.partner_{partner}')
    browser = enter(ann)
    assert status(ann.uid) == 'online'
    browser.leave()
    assert status(ann.uid) == 'offline'
    browser.leave()     # a beacon and a request of the worker may both arrive
    seen = lambda: [told['presence_status'] for told in other.payloads('bus.bus/im_status_updated')   # noqa: E731
                    if told['partner_id'] == partner]
    other.poll_until(lambda: seen()[-1:] == ['offline'])
    assert 'online' in seen()


def test_who_has_come_a_moment_ago_is_told_by_his_own_status(ann, bob, client, status, sql):
    """Not by that of who asks: mail tells those who subscribe of all who have just come, and mistakes the status."""
    [(partner,)] = sql("SELECT partner_id FROM res_users WHERE id = %s", (ann.uid,))
    browser = enter(ann)
    other = client(bob, f'odoo-presence-res.partner_{partner}')      # who is not online yet
    other.subscribe(f'odoo-presence-res.partner_{partner}')
    told = [each for each in other.payloads('bus.bus/im_status_updated') if each['partner_id'] == partner]
    assert told[-1]['im_status'] == 'online'
    assert all(each['im_status'] == each['presence_status'] for each in told)
    browser.leave()


def test_who_has_another_browser_stays_online(ann, status):
    """Also one in which another tab polls with a worker of its own, in the same session."""
    first, second = enter(ann), enter(ann)
    first.leave()
    assert status(ann.uid) == 'online'
    second.leave()
    assert status(ann.uid) == 'offline'


def test_who_renews_stays_and_who_does_not_is_offline(ann, bob, admin, status, renewal, sql):
    """A browser that has crashed, and one whose network is gone, say nothing."""
    crashed, alive = enter(ann), enter(bob)

    def expire():
        assert alive.renew() == {'renewed': True}
        admin.rpc('longpolling.bus.test', 'expire')
        return status(ann.uid) == 'offline' and not sql("SELECT 1 FROM web_longpolling_bus_connection WHERE gone")
    eventually(expire, pause=0.3)
    assert status(bob.uid) == 'online'
    assert crashed.renew() == {'renewed': False}, 'it must subscribe again'
    crashed.subscribe()
    crashed.event('update_presence', ONLINE)
    assert status(ann.uid) == 'online'
    alive.leave()
    crashed.leave()


def test_who_has_a_websocket_by_now_is_not_missed(stack, ann, admin, status, renewal, sql):
    """That one says when he leaves; his ticket is of no use any more."""
    browser = enter(ann)
    browser.move()
    sql("UPDATE web_longpolling_bus_connection SET seen = seen - interval '1 day'")
    admin.rpc('longpolling.bus.test', 'expire')
    assert status(ann.uid) == 'online'
    assert browser.poll() == 410
    browser.subscribe()
    browser.leave()
    assert status(ann.uid) == 'offline'


def test_a_fault_of_another_module_keeps_nobody_else_online(stack, ann, admin, status, renewal, sql):
    """The scheduled action goes on with the next one, and does not begin with this one again."""
    admin.create_user('unlucky', 'unlucky')
    browsers = [enter(visit(stack, 'unlucky')), enter(ann)]
    sql("UPDATE web_longpolling_bus_connection SET seen = seen - interval '1 day'")
    assert admin.rpc('longpolling.bus.test', 'expire') == 2
    assert status(ann.uid) == 'offline'
    assert admin.rpc('longpolling.bus.test', 'expire') == 0
    browsers[1].leave()


def test_a_guest_is_online_and_offline(stack, admin, sql):
    """By invitation link, without a login."""
    guest = visit(stack)
    path = invitation(admin)
    page = guest.http.get(stack.url + path, timeout=60)
    assert page.status_code == 200 and 'dgid' in guest.http.cookies, page.text[:500]
    browser = enter(guest)
    read = "SELECT status FROM mail_presence WHERE guest_id IS NOT NULL ORDER BY id DESC LIMIT 1"
    assert sql(read) == [('online',)]
    browser.leave()
    assert sql(read) == [('offline',)]


def invitation(admin) -> str:
    """The path of the invitation to a new channel."""
    numbers = admin.rpc('discuss.channel', 'create', [[{'name': 'Open', 'channel_type': 'channel'}]])
    admin.rpc('discuss.channel', 'write', [numbers, {'group_public_id': False}])
    [channel] = admin.rpc('discuss.channel', 'read', [numbers, ['uuid', 'invitation_url']])
    return re.sub(r'^https?://[^/]+', '', channel['invitation_url'])


def test_a_name_that_nobody_has_changes_nothing(ann, status, stack, sql):
    browser = enter(ann)
    rows = lambda: sql("SELECT name FROM web_longpolling_bus_connection ORDER BY 1")     # noqa: E731
    before = rows()
    for name, status_code in [('0' * 32, 204), ('', 400), ('x' * 32, 400), ('0' * 5000, 400), ("' OR 1=1", 400),
                              ('\0' * 32, 400), ('0' * 31 + '\0', 400)]:
        stranger = visit(stack)
        answer = stranger.http.post(stack.url + '/web_longpolling_bus/leave', data=name, timeout=30)
        assert (answer.status_code, answer.text) == (
            status_code, 'The name of a connection is 32 hexadecimal digits.' if status_code == 400 else ''), name
    assert rows() == before
    assert status(ann.uid) == 'online'
    browser.leave()


def test_who_logs_in_in_the_same_browser_takes_the_place(ann, bob, status):
    """The worker goes on under its name; the one who was there is gone."""
    browser = enter(ann)
    browser.session = bob.clone()
    assert browser.renew() == browser.event('update_presence', ONLINE) == {'expired': True}
    browser.uid = browser.position = None
    browser.subscribe()
    browser.event('update_presence', ONLINE)
    assert (status(ann.uid), status(bob.uid)) == ('offline', 'online')
    browser.leave()
    assert status(bob.uid) == 'offline'


def test_who_is_at_two_machines_stays_online(stack, ann, status):
    first, second = enter(ann), enter(visit(stack, 'ann'))
    first.leave()
    assert status(ann.uid) == 'online'
    second.leave()
    assert status(ann.uid) == 'offline'


# HTTP has no order: what a browser sent one after another is handled in any order, or side by side.


def test_who_has_left_is_not_online_again_by_what_he_sent_before(ann, status):
    """The host handles it late. The browser, if it is there after all, subscribes again and says so once more."""
    browser = enter(ann)
    browser.leave()
    assert browser.event('update_presence', ONLINE) == browser.renew() == {'renewed': False}
    assert status(ann.uid) == 'offline'
    browser.subscribe()
    assert browser.event('update_presence', ONLINE) == {'renewed': True}
    assert status(ann.uid) == 'online'
    browser.leave()


@pytest.fixture
def waiting(stack, sql):
    """`with waiting(held, *calls) as answers`: calls that begin in this order, each when those before it wait.

    Meanwhile somebody else has executed `held`, and its transaction goes on; in the block everything is done.
    """
    @contextlib.contextmanager
    def begin(held, *calls):
        with contextlib.closing(psycopg2.connect(stack.dsn)) as connection, ThreadPoolExecutor(len(calls)) as pool:
            with connection, connection.cursor() as cr:
                cr.execute(held)
                answers = []
                for number, call in enumerate(calls, 1):
                    answers.append(pool.submit(call))
                    eventually(lambda: answers[-1].done() or len(sql(WAITING, (stack.db,))) >= number)  # noqa: B023
            yield [answer.result() for answer in answers]
    return begin


WAITING = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"


def test_who_has_left_does_not_come_by_a_subscription_that_was_sent_before(ann, waiting, sql):
    """The host handles it late, or both side by side. Who comes back does so under another name."""
    rows = lambda: sql("SELECT name FROM web_longpolling_bus_connection WHERE NOT gone ORDER BY 1")     # noqa: E731
    before = rows()
    late, beside = BusClient(ann.clone()), BusClient(ann.clone())
    late.leave()
    assert late.ask() == {'gone': True}
    with waiting("LOCK web_longpolling_bus_connection IN SHARE MODE", beside.leave, beside.ask):
        assert rows() == before
    assert beside.ask() == {'gone': True}
    assert late.subscribe()['ticket']
    assert len(rows()) == len(before) + 1
    late.leave()
    assert rows() == before


def test_who_leaves_beside_what_he_sent_before_is_offline(ann, status, waiting):
    """Also if the host began with it first, and ends with it last."""
    browser = enter(ann)
    browser.leave()
    browser.subscribe()
    with waiting("SELECT 1 FROM mail_presence FOR UPDATE",
                 lambda: browser.event('update_presence', ONLINE), browser.leave):
        assert status(ann.uid) == 'offline'


def test_who_leaves_with_both_browsers_at_once_is_offline(ann, status, waiting):
    """Each of the two finds the other one, which has not left yet. Two tabs do the same where no worker is shared."""
    first, second = enter(ann), enter(ann)
    with waiting("SELECT 1 FROM web_longpolling_bus_connection FOR UPDATE", first.leave, second.leave):
        assert status(ann.uid) == 'offline'


def test_two_good_byes_at_once_are_no_error_in_the_log(ann, status, waiting, log):
    """Where no worker is shared, a tab and its worker both say it; one of the two is handled anew."""
    browser = enter(ann)
    with waiting("SELECT 1 FROM web_longpolling_bus_connection FOR UPDATE", browser.leave, browser.leave):
        assert status(ann.uid) == 'offline'
    assert 'SERIALIZATION_FAILURE' in log('host')
    assert ' ERROR ' not in log('host')


def test_who_comes_while_another_browser_leaves_is_online(ann, status, waiting):
    """Odoo takes back, without a word, what it was to write where somebody else has written."""
    browser = enter(ann)
    browser.leave()
    browser.subscribe()
    with waiting("UPDATE mail_presence SET last_poll = last_poll",
                 lambda: browser.event('update_presence', ONLINE)) as answers:
        assert answers == [{'renewed': True}]
        assert status(ann.uid) == 'online'
    browser.leave()
