"""Odoo's own module auth_timeout: a session that the host refuses is refused here too, at every poll and when woken."""

import json
import time

import psycopg2
import pytest

from sandbox.running import running
from tests.support.clients import RpcError, session_file, visit
from tests.support.fixtures import ADDONS, INSTALL
from tests.support.held_polls import HeldPolls

pytestmark = pytest.mark.only_on('odoo-19.0')


@pytest.fixture(scope='module')
def strict(host):
    """A stack with the module installed, and a timeout of one minute for sessions and for inactivity."""
    with running(host, addons=ADDONS, install=(*INSTALL, 'auth_timeout'),
                 options={'longpolling_timeout': '30'}) as stack:
        admin = visit(stack, stack.login, stack.password)
        [group] = admin.rpc('ir.model.data', 'search_read', [[('module', '=', 'base'), ('name', '=', 'group_user')],
                                                            ['res_id']])
        for name in ('ann', 'bob'):
            admin.create_user(name, name)
        admin.rpc('res.groups', 'write', [[group['res_id']], {'lock_timeout': 1, 'lock_timeout_inactivity': 1}])
        yield stack


def change(stack, session, **values):
    path = session_file(stack, session)
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


OVER = {'session timeout': lambda: {'create_time': time.time() - 61},
        'inactivity lock': lambda: {'identity-check-next': time.time() - 1}}
IN_TIME = {'session timeout': lambda: {'create_time': time.time() - 20},
           'inactivity lock': lambda: {'identity-check-next': time.time() + 30}}


@pytest.mark.parametrize('kind', OVER)
def test_a_session_that_the_host_refuses_is_refused(strict, kind):
    ann = visit(strict, 'ann')
    assert ann.poll('/who').status_code == 200
    change(strict, ann, **IN_TIME[kind]())
    assert ann.poll('/who').status_code == 200
    assert ann.rpc('res.users', 'read', [[ann.uid], ['login']])
    change(strict, ann, **OVER[kind]())
    assert ann.poll('/who').status_code == 401
    assert ann.poll('/public').json() == {'has': []}
    with pytest.raises(RpcError):
        ann.rpc('res.users', 'read', [[ann.uid], ['login']])


@pytest.mark.parametrize('kind', OVER)
def test_a_held_poll_is_refused_when_it_is_woken(strict, kind):
    """And whoever is woken together with it is answered."""
    ann, bob = visit(strict, 'ann'), visit(strict, 'bob')
    with HeldPolls(bob.clone()) as held:
        refused, answered = held.wait(ann, 'news'), held.wait(bob, 'news')
        change(strict, ann, **OVER[kind]())
        bob.rpc('longpolling.test.teller', 'publish', ['news', ['news']])
        assert (refused.result().status_code, answered.result().status_code) == (401, 200)


def test_a_new_passkey_ends_the_other_sessions(strict):
    """auth_passkey adds a join to the query of the token: it counts, for users who are verified together too."""
    ann, bob = visit(strict, 'ann'), visit(strict, 'bob')
    with HeldPolls(bob.clone()) as held:
        refused, answered = held.wait(ann, 'news'), held.wait(bob, 'news')
        with psycopg2.connect(strict.dsn) as connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO auth_passkey_key (name, credential_identifier, create_uid) "
                           "VALUES ('x', 'y', %s)", (ann.uid,))
        connection.close()
        bob.rpc('longpolling.test.teller', 'publish', ['news', ['news']])
        assert (refused.result().status_code, answered.result().status_code) == (401, 200)
        assert ann.poll('/who').status_code == 401
