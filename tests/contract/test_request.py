"""What the controller's `request` is, with a login and without."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest


def test_the_sample_controller_of_the_specification_reads_through_the_orm(ann):
    """user = request.model('res.users'); user.read([request.uid], ['partner_id'], context=request.context)."""
    [user] = ann.poll('/sample/user').json()
    [expected] = ann.rpc('res.users', 'read', [[ann.uid], ['partner_id']])
    assert user['id'] == ann.uid
    assert user['partner_id'] == expected['partner_id']
    assert user['partner_id'][1].startswith('Ann')


def test_uid_context_and_db_are_the_users(stack, ann):
    """request.uid, request.context and request.db are those of the session."""
    found = ann.poll('/who').json()
    assert found['uid'] == found['again'] == ann.uid
    assert found['login'] == 'ann'
    assert found['db'] == stack.db
    assert found['context']['lang'] == 'en_US'
    assert 'tz' in found['context']


def test_the_context_is_the_sessions_own(stack, admin, new_user):
    """request.context follows what the user has set, as an OpenERP controller's does."""
    user = new_user()
    admin.rpc('res.users', 'write', [[user.uid], {'tz': 'Europe/Brussels'}])
    login = user.rpc('res.users', 'read', [[user.uid], ['login']])[0]['login']
    again = type(user)(stack.host, stack.url, stack.db, stack.path).login(login, login)
    assert again.poll('/who').json()['context']['tz'] == 'Europe/Brussels'


def test_the_access_rules_are_the_users_own(ann, admin, log):
    """The controller uses the ORM as this user: what he may not read, his polls don't read."""
    answer = ann.poll('/read/forbidden')
    assert answer.status_code == 500
    assert answer.json() == {'error': "The controller failed; the server's log says why."}
    assert 'AccessError' in log() or 'Access Denied' in log() or 'except_orm' in log()
    assert admin.poll('/read/forbidden').status_code == 200


def test_the_request_is_werkzeugs(visitor):
    """The long polling controller looks like the OpenERP controller: request has werkzeug's attributes."""
    answer = visitor.poll('/werkzeug?a=1&b=two', headers={'X-Test': 'here'}, cookies={'colour': 'blue'})
    found = answer.json()
    assert found == {
        'method': 'POST', 'path': '/openerplongpolling/werkzeug', 'args': {'a': '1', 'b': 'two'}, 'header': 'here',
        'cookie': 'blue', 'host': visitor.url.split('//')[1], 'agent': visitor.http.headers['User-Agent'],
        'environ': 'POST'}


def test_uid_does_not_exist_without_a_login(visitor):
    """The request.uid exists only if the user is authenticated."""
    assert visitor.poll('/public').json() == {'has': []}


def test_a_public_route_knows_the_user_who_is_logged_in(stack, ann):
    """mustbeauthenticated=False: with a session, the route has its user all the same."""
    found = ann.poll('/public').json()
    assert (found['uid'], found['db']) == (ann.uid, stack.db)


@pytest.mark.parametrize('route', ['/public/model', '/write/public'])
def test_using_a_model_without_a_login_raises_authentication_error(visitor, route, log):
    """A AuthenticationError will be raised if you use an OpenERP model without being authenticated; 401."""
    answer = visitor.poll(route, {'partner': 1})
    assert answer.status_code == 401
    assert answer.json()['error'].startswith('Nobody is logged in')
    assert 'Traceback' not in log()


def test_authentication_error_can_be_caught(visitor):
    """from openerp.addons.web_longpolling.longpolling import AuthenticationError."""
    said = visitor.poll('/public/caught').json()
    assert set(said) == {'uid', 'model', 'snapshot'}
    assert all(sentence.startswith('Nobody is logged in') for sentence in said.values())


def test_a_session_that_ended_is_nobody_on_a_public_route(new_user):
    """A public route answers a browser whose session has ended, as it answers anybody."""
    user = new_user()
    assert user.poll('/public').json()['uid'] == user.uid
    cookies = user.http.cookies.copy()
    user.logout()
    user.http.cookies = cookies
    assert user.poll('/public').json() == {'has': []}


@pytest.mark.parametrize('route', ['/read/no_such_model', '/read/private'])
def test_what_no_rpc_may_call_no_controller_calls(ann, route, log):
    """request.model calls by the host's RPC convention: no unknown model, no private method."""
    assert ann.poll(route).status_code == 500
    assert ('has no model no.such.model' if 'model' in route else 'private') in log()


def test_calls_in_a_snapshot_read_of_one_moment(ann, admin, partner):
    """with request.snapshot() as snapshot: groups calls in one transaction."""
    found = during(ann, '/read/snapshot', partner, lambda: rename(admin, partner))
    assert found == ['unchanged', 'unchanged']


def test_each_call_has_a_cursor_of_its_own(ann, admin, partner):
    """request.model(name): one cursor a call, so that the next call sees what was committed meanwhile."""
    found = during(ann, '/read/calls', partner, lambda: rename(admin, partner))
    assert found == ['unchanged', 'renamed']


def during(session, route, partner, act, pause=1.5):
    """The answer of a poll during whose pause `act` was called."""
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(session.clone().poll, route, {'partner': partner, 'pause': pause})
        time.sleep(pause / 2)
        act()
        return answer.result().json()


def rename(admin, partner):
    admin.rpc('res.partner', 'write', [[partner], {'name': 'renamed'}])


def test_a_snapshot_offers_cursor_and_environment(stack, ann):
    """snapshot.cr everywhere, on Odoo also snapshot.env; the transaction is READ ONLY in PostgreSQL itself."""
    found = ann.poll('/read/transactions').json()
    assert found['read_only'] == 'on'
    assert found['environment'] == (False if stack.host == 'openerp-7.0' else ann.uid)


def test_a_snapshot_in_a_snapshot_is_the_same(ann):
    """A call inside a snapshot takes no second cursor: two polls of that kind can't wait for each other for ever."""
    assert ann.poll('/read/nested').json() == {'same': True, 'found': [ann.uid]}
