"""Modules of Odoo's that hang on the socket, portal users, and the module website: as with a WebSocket."""

import json
import time

import pytest

from tests.bus.conftest import INSTALL, TIMEOUT, user
from tests.support import fixtures
from tests.support.bus_client import ONLINE, enter
from tests.support.clients import RpcError, session_file, visit

pytestmark = pytest.mark.only_on('odoo-19.0')
stack = fixtures.suite_stack(options={'longpolling_timeout': str(TIMEOUT)},
                             install=(*INSTALL, 'auth_timeout', 'hr_presence', 'im_livechat', 'portal', 'website'))
log, sql = fixtures.log, fixtures.sql
ann, bob = user('ann'), user('bob')
NEXT = 'identity-check-next'


def group(admin, module: str, name: str) -> int:
    [found] = admin.rpc('ir.model.data', 'search_read', [[('module', '=', module), ('name', '=', name)], ['res_id']])
    return found['res_id']


def partner(admin, user: int) -> int:
    return admin.rpc('res.users', 'read', [[user], ['partner_id']])[0]['partner_id'][0]


def new_messages(browser) -> list[str]:
    """The texts of the messages of Discuss that it was told of."""
    return [message['body'][1] if isinstance(message['body'], list) else message['body']
            for told in browser.payloads('discuss.channel/new_message') for message in told['data']['mail.message']]


def post(session, channel: int, text: str):
    session.call('/mail/message/post', {'thread_model': 'discuss.channel', 'thread_id': channel, 'post_data': {
        'body': text, 'message_type': 'comment', 'subtype_xmlid': 'mail.mt_comment'}})


# auth_timeout


@pytest.fixture
def minute(admin):
    """Who was away for a minute has to say who he is."""
    users = group(admin, 'base', 'group_user')
    admin.rpc('res.groups', 'write', [[users], {'lock_timeout_inactivity': 1}])
    yield
    admin.rpc('res.groups', 'write', [[users], {'lock_timeout_inactivity': 0}])


def test_the_minute_begins_when_the_last_tab_leaves_and_not_before(stack, ann, minute):
    def due() -> float | None:
        return json.loads(session_file(stack, ann).read_text()).get(NEXT)

    first, second = enter(ann), enter(ann)
    first.leave()
    assert due() is None
    second.event('update_presence', {'inactivity_period': 60000})
    assert due() <= time.time()
    second.event('update_presence', ONLINE)     # too late
    assert due() <= time.time()
    ann.call('/auth-timeout/session/check-identity', {'type': 'password', 'login': 'ann', 'password': 'ann'})
    second.leave()
    assert 0 < due() - time.time() <= 60
    back = enter(ann)
    assert due() is None
    back.leave()


def test_who_has_to_say_who_he_is_is_told_nothing_and_then_all(stack, ann, minute, send):
    """The worker is told to ask again later, so that a night of locked pages costs next to nothing."""
    browser = enter(ann)
    browser.subscribe('test')
    path = session_file(stack, ann)
    path.write_text(json.dumps({**json.loads(path.read_text()), NEXT: time.time() - 1}))
    send('test', 'meanwhile')
    assert browser.poll() == 401
    assert browser.subscribe('test') == {'locked': True}
    with pytest.raises(RpcError):
        ann.rpc('res.users', 'read', [[ann.uid], ['login']])
    ann.call('/auth-timeout/session/check-identity', {'type': 'password', 'login': 'ann', 'password': 'ann'})
    assert 'ticket' in browser.subscribe('test')
    browser.poll_until(browser.payloads)
    assert browser.payloads() == ['meanwhile']
    browser.leave()


# hr, hr_presence


def test_an_employee_is_present_by_his_browser_and_its_address_is_noted(bob, admin, sql):
    [employee] = admin.rpc('hr.employee', 'create', [[{'name': 'Bob', 'user_id': bob.uid}]])

    def state() -> str:
        return admin.rpc('hr.employee', 'read', [[employee], ['hr_presence_state']])[0]['hr_presence_state']

    assert state() != 'present'
    browser = enter(bob)
    assert state() == 'present'
    assert len(sql("SELECT ip FROM res_users_log WHERE create_uid = %s AND ip IS NOT NULL", (bob.uid,))) == 1
    browser.leave()
    assert state() != 'present'


# im_livechat


def test_a_visitor_talks_to_an_operator_who_is_there(stack, bob, admin, client):
    """Nobody is an operator who has closed his browser; the visitor has no login and no invitation."""
    [button] = admin.rpc('im_livechat.channel', 'create', [[{'name': 'Help', 'user_ids': [(6, 0, [bob.uid])]}]])

    def ask(visitor):
        return visitor.call('/im_livechat/get_session', {'channel_id': button})

    visitor = visit(stack)
    assert not ask(visitor)
    operator = enter(bob)
    channel = ask(visitor)['channel_id']
    browser = client(visitor)
    post(bob, channel, 'how may I help?')
    browser.poll_until(lambda: any('how may I help?' in text for text in new_messages(browser)))
    operator.subscribe()        # as his page does, when it is told of the channel
    post(visitor, channel, 'it is broken')
    operator.poll_until(lambda: any('it is broken' in text for text in new_messages(operator)))
    operator.leave()
    assert not ask(visit(stack))


# portal


def test_a_portal_user_is_there_and_is_told_what_is_his(stack, admin, client, send):
    users = [admin.create_user(name, name, group_ids=[(6, 0, [group(admin, 'base', 'group_portal')])])
             for name in ('portal', 'another')]
    portal, another = visit(stack, 'portal'), visit(stack, 'another')
    assert '~auto~' in portal.http.get(stack.url + '/my', timeout=120).text
    [channel] = admin.rpc('discuss.channel', 'create', [[{'name': 'Customers', 'channel_type': 'channel'}]])
    admin.rpc('discuss.channel', 'write', [[channel], {'group_public_id': False}])
    admin.rpc('discuss.channel', 'add_members', [[channel]], {'partner_ids': [partner(admin, users[0])]})
    browser, other = enter(portal), client(another)
    assert admin.rpc('res.users', 'read', [[users[0]], ['im_status']])[0]['im_status'] == 'online'
    admin.rpc('longpolling.bus.test', 'send_to_users', [[users[0]], 'yours'])
    post(admin, channel, 'dear customers')
    browser.poll_until(lambda: browser.payloads() and new_messages(browser))
    assert browser.payloads() == ['yours']
    assert 'dear customers' in new_messages(browser)[0]
    send('broadcast', 'to all')
    other.poll_until(other.payloads)
    assert (other.payloads(), new_messages(other)) == (['to all'], [])
    browser.leave()
    assert admin.rpc('res.users', 'read', [[users[0]], ['im_status']])[0]['im_status'] == 'offline'


# website


def test_users_and_visitors_of_a_site_are_told_what_is_theirs(stack, ann, client, send, log):
    """Its overrides want a request, of which they ask more than others: held and answered, without an error."""
    visitor = visit(stack)
    page = visitor.http.get(stack.url + '/', timeout=120).text
    assert 'data-website-id="1"' in page        # it is the module's page that shows
    browsers = client(ann), client(visitor)
    send('broadcast', 'to all')
    for browser in browsers:
        browser.poll_until(browser.payloads)
        assert browser.payloads() == ['to all']
    assert 'Traceback' not in log()
