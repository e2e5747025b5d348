"""A session is good exactly when the host would take it: at every poll, and before the answer of a held one."""

import json
import pickle
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.run import privilege
from tests.support import addon_writer
from tests.support.clients import Session, rotate, session_file, visit
from tests.support.held_polls import HeldPolls, eventually
from tests.support.pages import Page

TELLER = 'longpolling.test.teller'
ENDED = {'error': 'Nobody is logged in, or the session has ended; log in again.'}


@pytest.fixture
def held(ann):
    with HeldPolls(ann.clone()) as polls:
        yield polls


@pytest.fixture
def channel(request) -> str:
    return request.node.name[:60]


def tell(admin, channel):
    admin.rpc(TELLER, 'publish', [channel, ['news']])


# Files


def cut_off(content: bytes) -> bytes:
    return content[:len(content) // 2]


def encoded(stack, value) -> bytes:
    """As the host's session store writes it."""
    return pickle.dumps(value, 2) if stack.host == 'openerp-7.0' else json.dumps(value).encode()


OF_SOMEBODY_ELSE = [
    [1, 2], 'text', {}, {'db': 5, 'uid': 'x', 'context': 7}, {'uid': 2}, {'db': 'sandbox', 'uid': [2]}, None, {1: 2},
    {'db': 'sandbox', 'uid': 2, 'session_token': 5, 'context': {}},
    {'db': 'sandbox', 'uid': 2, 'session_token': 'x', 'context': {}, 'deletion_time': 'soon'}]


@pytest.mark.parametrize('damage', ['empty', 'cut off', 'zeros', 'bytes', *OF_SOMEBODY_ELSE], ids=str)
def test_a_file_that_is_no_session_is_nobody(stack, new_user, damage, log):
    """Empty, cut off, zeros, or another program's: 401, a public route answers without a login, and no traceback."""
    user = new_user()
    path = session_file(stack, user)
    content = path.read_bytes()
    assert user.poll('/who').status_code == 200
    path.write_bytes({'empty': b'', 'cut off': cut_off(content), 'zeros': bytes(len(content)),
                      'bytes': bytes(range(256))}.get(damage, b'') if isinstance(damage, str) and damage != 'text'
                     else encoded(stack, damage))
    for _ in range(2):
        answer = user.poll('/who')
        assert (answer.status_code, answer.json()) == (401, ENDED)
        assert user.poll('/public').json() == {'has': []}
    path.write_bytes(content)
    time.sleep(0.2)
    assert user.poll('/who').status_code == 200
    assert 'Traceback' not in log()


def test_a_held_poll_whose_file_is_damaged_ends_when_it_is_woken(stack, admin, new_user, held, channel, log):
    user = new_user()
    poll = held.wait(user, channel)
    session_file(stack, user).write_bytes(b'')
    tell(admin, channel)
    assert poll.result().status_code == 401
    assert 'Traceback' not in log()


# Another user, or the same one


def log_in_again(session, login: str) -> Session:
    """In the same browser, and on OpenERP 7.0 in the same session."""
    session.call('/web/session/authenticate', {'db': session.db, 'login': login, 'password': login})
    return session


@pytest.mark.only_on('openerp-7.0')
@pytest.mark.parametrize('who, status', [('same', 200), ('other', 401)])
def test_a_session_that_logs_in_again_goes_on_for_the_same_user_alone(admin, new_user, held, channel, who, status):
    """Ann's poll is held, the same session logs in as Bob: what Ann may see is not answered into Bob's page."""
    ann, bob = new_user('ann'), new_user('bob')
    logins = {user['id']: user['login'] for user in admin.rpc('res.users', 'read', [[ann.uid, bob.uid], ['login']])}
    poll = held.wait(ann, channel)
    log_in_again(ann.clone(), logins[(ann if who == 'same' else bob).uid])
    tell(admin, channel)
    assert poll.result().status_code == status
    assert ann.poll('/who').json()['uid'] == (ann if who == 'same' else bob).uid


@pytest.mark.only_on('odoo-19.0')
def test_an_administrator_who_becomes_the_superuser_is_another_user(stack, admin, held, channel):
    """/web/become: the session is the superuser's from then on, and the page was the administrator's."""
    poll = held.wait(admin, channel)
    answer = admin.http.get(stack.url + '/web/become', allow_redirects=False, timeout=30)
    assert answer.status_code == 303
    tell(visit(stack, stack.login, stack.password), channel)
    assert poll.result().status_code == 401
    assert admin.poll('/who').json()['uid'] == 1


def test_another_tab_that_logs_out_and_in_again_polls_on(stack, admin, new_user, held, channel):
    """On Odoo the cookie is a new one: what is held ends, and the page's next poll is answered as the same user's."""
    user = new_user()
    login = admin.rpc('res.users', 'read', [[user.uid], ['login']])[0]['login']
    poll = held.wait(user, channel)
    user.logout()
    user.login(login, login)
    tell(admin, channel)
    assert poll.result().status_code == (200 if stack.host == 'openerp-7.0' else 401)
    assert user.poll('/who').json()['uid'] == user.uid


@pytest.mark.parametrize('route', ['/who', '/public'])
def test_a_page_says_whose_it_is_and_is_told_if_it_is_not(ann, admin, route):
    """X-Longpolling-User: the cookie may be another user's by now, who has logged in with the same browser."""
    for says, status in ((str(ann.uid), 200), (str(admin.uid), 401), ('x', 401), ('', 401)):
        answer = ann.poll(route, headers={'X-Longpolling-User': says})
        assert answer.status_code == status, says
    assert 'Another user is logged in' in answer.json()['error']


# Rotation


@pytest.mark.only_on('odoo-19.0')
@pytest.mark.parametrize('old', ['in its grace', 'over', 'gone'])
def test_a_poll_goes_on_while_its_session_is_rotated(stack, admin, new_user, held, channel, old):
    """The browser has the new cookie by then; the old one is good for two minutes, and no longer."""
    user = new_user()
    poll = held.wait(user, channel)
    renewed = rotate(stack, user)
    path = session_file(stack, user)
    if old == 'over':
        path.write_text(json.dumps({**json.loads(path.read_text()), 'deletion_time': time.time() - 1}))
    if old == 'gone':
        path.unlink()
    tell(admin, channel)
    assert poll.result().json() == [channel]
    assert user.poll('/who').status_code == (200 if old == 'in its grace' else 401)
    assert renewed.poll('/who').json()['uid'] == user.uid


@pytest.mark.only_on('odoo-19.0')
def test_a_rotated_session_that_ends_ends_its_held_polls(stack, admin, new_user, held, channel):
    user = new_user()
    poll = held.wait(user, channel)
    renewed = rotate(stack, user)
    session_file(stack, user).unlink()
    session_file(stack, renewed).unlink()
    tell(admin, channel)
    assert poll.result().status_code == 401


# Many at once


def test_users_who_are_woken_together_are_verified_together(stack, admin, new_user, held, channel, visitor):
    """One event to seven users: one cursor for all, and the one whose password was changed meanwhile is refused."""
    def cursors() -> float:
        text = visitor.http.get(stack.sidecar_url + '/metrics', timeout=10).text
        return sum(float(line.split()[-1]) for line in text.splitlines()
                   if line.startswith('longpolling_budget_wait_seconds_count'))

    users = [new_user() for _ in range(7)]
    pages = [Page(user.clone(), '/news/wait', {'channels': [channel]}) for user in users]
    assert [page.answer() for page in pages] == [[]] * 7
    polls = [held.threads.submit(page.poll) for page in pages]
    eventually(lambda: held.polls == 7)
    admin.set_password(users[3].uid, 'changed')
    before = cursors()
    tell(admin, channel)
    found = [poll.result().status_code for poll in polls]
    assert found == [200, 200, 200, 401, 200, 200, 200]
    # One for all of them. The one that is refused is looked at once more; OpenERP checks that password by itself.
    assert cursors() - before <= (2 if stack.host == 'odoo-19.0' else 4)


# Rights


def test_rights_are_as_they_are_now_at_every_read_of_a_poll(admin, new_user):
    """A poll reads, waits and reads again: meanwhile an administrator has added a record rule."""
    user, name = new_user(), 'seen by the rule'
    admin.rpc('res.partner', 'create', [{'name': name}])
    [model] = admin.rpc('ir.model', 'search', [[('model', '=', 'res.partner')]])
    page = Page(user.clone(), '/news/count', {'name': name, 'seen': 1})
    with ThreadPoolExecutor(1) as pool:
        page.session.poll('/news/wait', {'channels': ['partners']})
        page.position = page.session.poll('/news/wait', {'channels': ['partners']}).headers['X-Longpolling-Position']
        poll = pool.submit(page.poll)
        time.sleep(0.7)
        rule = admin.rpc('ir.rule', 'create', [{'name': 'nobody sees it', 'model_id': model,
                                               'domain_force': f"[('name', '!=', {name!r})]"}])
        try:
            tell(admin, 'partners')
            assert poll.result().json() == 0
        finally:
            admin.rpc('ir.rule', 'unlink', [[rule]])


@pytest.mark.only_on('odoo-19.0')
def test_a_portal_user_may_poll(stack, admin):
    [group] = admin.rpc('ir.model.data', 'search_read', [[('module', '=', 'base'), ('name', '=', 'group_portal')],
                                                        ['res_id']])
    admin.create_user('portal', 'portal', group_ids=[(6, 0, [group['res_id']])])
    portal = visit(stack, 'portal')
    assert portal.poll('/public').json()['uid'] == portal.uid
    assert portal.poll('/mainroute').status_code == 200


# OpenERP's passwords


@pytest.mark.only_on('openerp-7.0')
def test_a_check_that_writes_may_and_nothing_stays(admin, stack, sql):
    """auth_crypt converts a password while it checks it: the poll is answered, and the row is as it was."""
    admin.create_user('converted', 'converted')
    user = visit(stack, 'converted')
    sql("UPDATE res_users SET signature = NULL WHERE id = %s", (user.uid,))     # which the login has converted
    for _ in range(2):
        assert user.poll('/who').json()['uid'] == user.uid
    assert sql("SELECT signature FROM res_users WHERE id = %s", (user.uid,)) == [(None,)]
    row = sql("SELECT xmin::text FROM res_users WHERE id = %s", (user.uid,))
    assert user.poll('/who').json()['uid'] == user.uid
    assert sql("SELECT xmin::text FROM res_users WHERE id = %s", (user.uid,)) == row


# What the host loads, and where it keeps its sessions

WIDE = """# -*- coding: utf-8 -*-
import os
import sys
{imports}

def post_load():
    sys.stderr.write('the server-wide module is loaded\\n')
    {store}
"""
MANIFEST = addon_writer.MANIFEST.replace("'installable'", "'post_load': 'post_load',\n    'installable'")
STORES = {
    'odoo-19.0': ("from odoo import http\n", """
    class Elsewhere(http.FilesystemSessionStore):
        def get(self, sid):
            with open(os.path.join(FOLDER, 'state')) as state:
                if state.read() == 'down':
                    raise RuntimeError('the store is down')
            try:
                with open(os.path.join(FOLDER, sid)) as kept:
                    import json
                    return self.session_class(json.load(kept), sid, False)
            except IOError:
                return self.new()

    http.root.session_store = Elsewhere(FOLDER, session_class=http.Session)
"""),
    'openerp-7.0': ("from openerp.service import wsgi_server\nfrom openerp.addons.web import http\n", """
    class Elsewhere(http.werkzeug.contrib.sessions.SessionStore):
        def get(self, sid):
            with open(os.path.join(FOLDER, 'state')) as state:
                if state.read() == 'down':
                    raise RuntimeError('the store is down')
            try:
                with open(os.path.join(FOLDER, sid), 'rb') as kept:
                    import pickle
                    return self.session_class(pickle.load(kept), sid, False)
            except IOError:
                return self.new()

    for handler in wsgi_server.module_handlers:
        if hasattr(handler, 'session_store'):
            handler.session_store = Elsewhere()
"""),
}


@pytest.fixture
def wide(stack, programs):
    """A function that writes a server-wide module; returns the arguments with which a sidecar loads it."""
    def write(name, imports='', store='pass'):
        addon_writer.folder(stack)
        addon_writer.write_in(addon_writer.folder(stack), name, WIDE.format(imports=imports, store=store), MANIFEST)
        path = next(line for line in stack.config.read_text().splitlines() if line.startswith('addons_path = '))
        config = programs.config('wide', addons_path=f'{path.partition(" = ")[2]},{addon_writer.folder(stack)}')
        return '-c', config, '-d', stack.db, '-p', programs.port(), '--load', f'base,web,{name}'
    return write


def test_server_wide_modules_are_loaded_as_the_host_loads_them(programs, wide, ann):
    """--load, as the host's own; on Odoo also server_wide_modules of the configuration file."""
    arguments = wide('longpolling_wide')
    if ann.host == 'odoo-19.0':
        arguments[1].write_text(arguments[1].read_text() + 'server_wide_modules = base,web,longpolling_wide\n')
        arguments = arguments[:-2]
    else:
        arguments = (*arguments[:-1], 'web,longpolling_wide')
    with programs.serving(*arguments) as serving:
        assert 'the server-wide module is loaded' in serving.log
        assert ann.poll('/who', url=serving.url).status_code == 200


@pytest.fixture
def elsewhere(stack, wide):
    """A module that keeps sessions elsewhere: (folder, the sidecar's arguments)."""
    folder = stack.folder.path / 'elsewhere'
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / 'state').write_text('up')
    imports, store = STORES[stack.host]
    arguments = wide('longpolling_store', f'{imports}FOLDER = {str(folder)!r}\n', store)
    if stack.host == 'openerp-7.0':
        arguments = (*arguments[:-1], 'web,longpolling_store')
    return folder, arguments


def test_a_session_store_that_a_module_has_replaced_is_asked(stack, programs, elsewhere, new_user):
    """By its own interface: what it has is a session, what it has not is none, and when it is down that is a 503."""
    folder, arguments = elsewhere
    user = new_user()
    kept = folder / user.cookie[1]
    with programs.serving(*arguments) as serving:
        assert user.poll('/who', url=serving.url).status_code == 401
        shutil.copyfile(session_file(stack, user), kept)
        assert user.poll('/who', url=serving.url).json()['uid'] == user.uid
        (folder / 'state').write_text('down')
        assert user.poll('/who', url=serving.url).status_code == 503
        assert 'The session store does not answer: the store is down' in serving.log
        (folder / 'state').write_text('up')
        kept.unlink()
        assert user.poll('/who', url=serving.url).status_code == 401
        assert 'Traceback' not in serving.log


def test_a_session_store_that_can_not_be_asked_stops_the_start(programs, elsewhere):
    """In one sentence."""
    folder, arguments = elsewhere
    (folder / 'state').write_text('down')
    outcome = programs.server(*arguments)
    assert outcome.status == 1
    [said] = [line for line in outcome.err.splitlines() if line.startswith('server.py:')]
    assert "The sidecar can't read the sessions of your server: the store is down." in said


@pytest.mark.only_on('odoo-19.0')
def test_sessions_of_another_user_of_the_system_stop_the_start(stack, programs):
    """The folder can't be read: the sidecar must run as the same user as the server."""
    data = stack.folder.path / 'of-somebody-else'
    shutil.rmtree(data, ignore_errors=True)
    (data / 'sessions').mkdir(parents=True)
    (data / 'sessions').chmod(0o700 if privilege.drop(['x']) != ['x'] else 0)
    outcome = programs.server('-c', programs.config('foreign', data_dir=data), '-d', stack.db, '-p', programs.port())
    assert outcome.status == 1
    [said] = [line for line in outcome.err.splitlines() if line.startswith('server.py:')]
    assert "The sidecar can't read the sessions of your server: " in said
    assert 'It must run as the same user' in said


@pytest.mark.only_on('openerp-7.0')
def test_sessions_in_another_tmpdir_are_told_of(stack, programs):
    """No session is there: that may be so at the start, and it may be another folder than the host's."""
    tmp = stack.folder.path / 'other-tmp'
    shutil.rmtree(tmp, ignore_errors=True)
    (tmp / 'oe-sessions-somebody').mkdir(parents=True)
    tmp.chmod(0o777)
    with programs.serving('-c', stack.config, '-d', stack.db, '-p', programs.port(), TMPDIR=str(tmp)) as serving:
        assert f'There are no sessions in {tmp}/oe-sessions-' in serving.log
        assert 'there may be some in oe-sessions-somebody' in serving.log


def test_a_changed_file_is_seen_at_once(stack, admin, new_user):
    """Sessions are remembered by the state of their file: a new content of the same size counts at once."""
    user, other = new_user(), new_user()
    path, content = session_file(stack, user), session_file(stack, user).read_bytes()
    eventually(lambda: time.time() - path.stat().st_mtime > 0.3)
    assert user.poll('/who').status_code == 200
    for _ in range(20):
        path.write_bytes(bytes(len(content)))
        assert user.poll('/who').status_code == 401
        path.write_bytes(content)
        assert user.poll('/who').status_code == 200
    assert other.poll('/who').status_code == 200
