"""The session is used to get the session in the controller: whose poll it is, for how long, and nobody else's."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.support.clients import expire, session_file

POLLS_OF_EACH = 500
THREADS_OF_EACH = 4
# The hash of a password that nobody knows, as Odoo writes it.
HASH = ('$pbkdf2-sha512$600000$BmBMidEaQ6iVEuK8d27NuQ$1NVgyw3BXMCuWhgGb0DA.VeJ6PmTAhhZV/'
        'JzuLYfJX.LKD5IO/KLnXyJWGlZDC0OSgaRjHjoEhjeGj2CrqYAUQ')


def change_by_sql(stack, admin, sql, user):
    password = 'changed' if stack.host == 'openerp-7.0' else HASH
    sql("UPDATE res_users SET password = %s WHERE id = %s", (password, user.uid))


def change_by_rpc(stack, admin, sql, user):
    admin.set_password(user.uid, 'changed')


def deactivate_by_sql(stack, admin, sql, user):
    sql("UPDATE res_users SET active = false WHERE id = %s", (user.uid,))


def deactivate_by_rpc(stack, admin, sql, user):
    admin.rpc('res.users', 'write', [[user.uid], {'active': False}])


def log_out(stack, admin, sql, user):
    cookies = user.http.cookies.copy()
    user.logout()
    user.http.cookies = cookies      # as a page that has not heard of it


ENDS = [change_by_sql, change_by_rpc, deactivate_by_sql, deactivate_by_rpc, log_out]


@pytest.mark.parametrize('end', ENDS, ids=lambda end: end.__name__)
def test_a_session_that_has_ended_is_refused_at_its_next_poll(stack, admin, sql, new_user, end, log):
    """Changed password, deactivated user (in the database or by the host) or logout: 401 at the next poll."""
    user, other = new_user(), new_user()
    for _ in range(3):      # whatever is remembered of a good session is remembered now
        assert user.poll('/who').json()['uid'] == user.uid
    end(stack, admin, sql, user)
    answer = user.poll('/who')
    assert answer.status_code == 401
    assert answer.json() == {'error': 'Nobody is logged in, or the session has ended; log in again.'}
    assert user.poll('/public').json() == {'has': []}
    assert other.poll('/who').status_code == 200
    assert 'Traceback' not in log()


def test_a_session_that_has_expired_is_refused(stack, new_user):
    """401 at the next poll."""
    user = new_user()
    assert user.poll('/who').status_code == 200
    expire(stack, user)
    assert user.poll('/who').status_code == 401
    assert user.poll('/public').json() == {'has': []}


def test_a_session_that_can_not_be_read_just_now_is_no_logout(stack, new_user):
    """A shortage must never change or end a session: 503, and the file is as it was."""
    user = new_user()
    path = session_file(stack, user)
    aside, content = path.with_name('aside'), path.read_bytes()
    path.rename(aside)
    path.mkdir()        # whoever opens it gets an error that is not "no such file"
    try:
        answer = user.poll('/who')
        assert answer.status_code == 503
        assert int(answer.headers['Retry-After']) > 0
    finally:
        path.rmdir()
        aside.rename(path)
    assert path.read_bytes() == content
    assert user.poll('/who').status_code == 200


@pytest.mark.only_on('odoo-19.0')
def test_a_rotated_session_of_odoo_ends_after_its_grace(stack, new_user):
    """Odoo gives a session a new name every few hours; the old one is good for two minutes more."""
    user = new_user()
    path = session_file(stack, user)
    for seconds, status in ((60, 200), (-1, 401)):
        path.write_text(json.dumps({**json.loads(path.read_text()), 'deletion_time': time.time() + seconds}))
        assert user.poll('/who').status_code == status


def test_a_login_after_a_changed_password_polls_again(stack, admin, new_user):
    """The user who logs in with the new password has his polls back; the old session stays refused."""
    user = new_user()
    login = user.rpc('res.users', 'read', [[user.uid], ['login']])[0]['login']
    admin.set_password(user.uid, 'changed')
    assert user.poll('/who').status_code == 401
    again = type(user)(stack.host, stack.url, stack.db, stack.path).login(login, 'changed')
    assert again.poll('/who').json()['uid'] == user.uid
    assert user.poll('/who').status_code == 401


def test_two_users_never_see_each_others_uid(new_user):
    """Two users who poll at the same time, a thousand times: each answer is of the one who asked."""
    users = [new_user('first'), new_user('second')]
    with ThreadPoolExecutor(THREADS_OF_EACH * len(users)) as pool:
        pending = [pool.submit(poll_often, user, POLLS_OF_EACH // THREADS_OF_EACH)
                   for _ in range(THREADS_OF_EACH) for user in users]
        answers = [answer for one in pending for answer in one.result()]
    assert len(answers) == POLLS_OF_EACH * len(users)
    wrong = [(expected, found) for expected, found in answers
             if (found['uid'], found['again']) != (expected, expected)]
    assert not wrong
    assert {found['login'][:5] for expected, found in answers if expected == users[0].uid} == {'first'}
    assert {found['login'][:6] for expected, found in answers if expected == users[1].uid} == {'second'}


def poll_often(user, times):
    """(the uid that is due, what the poll said) of so many polls on a connection of its own."""
    session = user.clone()
    return [(user.uid, session.poll('/who', {'pause': 0.001}).json()) for _ in range(times)]


def test_a_connection_carries_polls_of_different_users(ann, new_user, visitor):
    """nginx sends polls of many users over one connection: nothing of one is left for the next."""
    bob = new_user('bob')
    carrier = visitor.http
    for _ in range(5):
        for user in (ann, None, bob):
            headers = {'Cookie': '{}={}'.format(*user.cookie)} if user else {}
            query = {'session_id': user.session_id} if user and user.session_id else {}
            answer = carrier.get(visitor.url + visitor.path + '/public', params=query, headers=headers, timeout=30)
            carrier.cookies.clear()
            assert answer.json().get('uid') == (user and user.uid)


FORGED = ['', 'x', '../../../../etc/passwd', 'a' * 40, '%00' * 10, 'ä', "' OR 1=1 --", 'a' * 5000]


@pytest.mark.parametrize('value', FORGED, ids=lambda value: value[:12] or 'empty')
def test_a_forged_session_is_nobody(ann, visitor, value, log):
    """Client text never reaches a file name unchecked: a forged cookie is no login, and no failure."""
    name, _ = ann.cookie
    headers = {'Cookie': f'{name}={value}'.encode()}
    address = visitor.url + visitor.path
    for route, status in (('/mainroute', 401), ('/public', 200)):
        answer = visitor.http.post(address + route, json={'session_id': ann.session_id or 'x'}, headers=headers,
                                   timeout=30)
        assert answer.status_code == status
    assert 'Traceback' not in log()


def test_of_odd_cookies_the_same_one_counts_as_on_the_host(stack, ann, visitor):
    """Two of one name, garbage before or after, quotes that do not end: werkzeug's versions read them in their ways."""
    name, good = ann.cookie

    def host_knows(cookie):
        answer = requests.post(f'{stack.host_url}/web/dataset/call_kw', headers={'Cookie': cookie}, timeout=60, json={
            'jsonrpc': '2.0', 'method': 'call', 'id': 1, 'params': {
                'model': 'res.users', 'method': 'search', 'args': [[]], 'kwargs': {}, 'session_id': ann.session_id}})
        return answer.status_code == 200 and 'error' not in answer.json()

    counts = []
    for cookie in ('{0}={1}; {0}=garbage', '{0}=garbage; {0}={1}', '{0}="; {0}={1}', '{0}={1}; {0}="', '{0}={1}; {0}=',
                   '{0}; {0}={1}', 'a=b; {0}="{1}"', 'a; {0}={1}', 'a=b;; {0}={1};', '=; {0}={1}', 'a="b; {0}={1}; c="',
                   '{0}={1}; path=/; {0}=x y', 'a=b; {0} = {1} ;c=d', '{0}={1},{0}=x', '{0}=[; a[b=c; {0}={1}',
                   '"{0}"={1}'):
        cookie = cookie.format(name, good)
        answer = requests.post(stack.url + stack.path + '/who', json={'session_id': ann.session_id or 'x'},
                               headers={'Cookie': cookie}, timeout=30)
        assert (answer.status_code == 200) == host_knows(cookie), cookie
        counts.append(answer.status_code)
    assert set(counts) == {200, 401}


@pytest.mark.parametrize('value', [None, 5, [1], {'a': 1}, True, 'x' * 5000, ''], ids=lambda value: str(value)[:12])
def test_a_forged_session_id_parameter_is_nobody(stack, ann, visitor, value, log):
    """OpenERP's second level of session is needed as well, and is checked; on Odoo it is an ordinary parameter."""
    name, cookie = ann.cookie
    answer = visitor.http.post(visitor.url + visitor.path + '/mainroute', json={'session_id': value},
                               headers={'Cookie': f'{name}={cookie}'}, timeout=30)
    assert answer.status_code == (401 if stack.host == 'openerp-7.0' else 200)
    assert 'Traceback' not in log()


@pytest.mark.parametrize('site, status', [('cross-site', 403), ('same-origin', 200), ('same-site', 200), ('none', 200)])
def test_another_sites_page_may_not_poll_with_the_users_login(ann, site, status):
    """Authenticated routes refuse cross-site requests (Sec-Fetch-Site): 403."""
    answer = ann.poll('/mainroute', headers={'Sec-Fetch-Site': site})
    assert answer.status_code == status


def test_another_sites_page_may_read_a_public_route(visitor):
    """A route that needs no login may be asked from anywhere."""
    assert visitor.poll('/public', headers={'Sec-Fetch-Site': 'cross-site'}).status_code == 200


def test_no_secret_of_a_session_is_logged(stack, ann):
    """A session is never logged: no cookie, no session id, no password."""
    ann.poll('/fails')
    logged = stack.log('sidecar')
    assert ann.cookie[1] not in logged
    assert not ann.session_id or ann.session_id not in logged
    assert stack.postgresql.password not in logged
