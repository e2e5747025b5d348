"""A module installed, upgraded or removed, or a user's rights changed, while the sidecar runs."""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from sandbox.servers.hostconfig import TRAITS
from tests.support import addon_writer
from tests.support.held_polls import connection, eventually
from tests.support.pages import following
from tests.support.resource_baseline import check_quiet
from web_longpolling import publishing

CONTROLLER = """# -*- coding: utf-8 -*-
from openerp.addons.web_longpolling.longpolling import longpolling


@longpolling.route('/{name}')
def {name}(request, **kwargs):
    return {{'version': {version}, 'partners': len(request.model('res.partner').search([]))}}
"""
RESTART = 'The code of {} has changed since this process has imported it: restart the sidecar.'


def write(later, name, version):
    addon_writer.write_in(later, name, CONTROLLER.format(name=name, version=version))


@pytest.fixture
def module(admin):
    """A function that calls one of the buttons of a module, as the list of modules does."""
    def press(name, button):
        found = admin.rpc('ir.module.module', 'search', [[('name', '=', name)]])
        if not found:
            admin.rpc('ir.module.module', 'update_list', [])
            found = admin.rpc('ir.module.module', 'search', [[('name', '=', name)]])
        admin.rpc('ir.module.module', button, [found])
        if button == 'button_uninstall' or button == 'button_upgrade':      # OpenERP 7.0: the wizard does it
            wizard = admin.rpc('base.module.upgrade', 'create', [{}])
            admin.rpc('base.module.upgrade', 'upgrade_module', [[wizard]])
    return press


@pytest.fixture
def oe(stack, programs):
    """A function that runs `oe` on the database, beside the host, until it ends."""
    config = programs.config('oe-faults', **{TRAITS[stack.host].port_key: programs.port()})

    def run(*arguments):
        outcome = programs.oe('-c', config, '-d', stack.db, '--stop-after-init', *arguments)
        assert outcome.status == 0, outcome.err
    return run


def test_routes_follow_what_is_done_in_the_list_of_modules(stack, later, module, ann, crowd, log):
    """A module installed, upgraded or removed while it runs: routes follow without a restart, or the log says that a
    restart is needed."""
    seven = stack.host == 'openerp-7.0'
    process = stack.sidecar_pid
    write(later, 'later_pressed', 1)
    assert ann.poll('/later_pressed').status_code == 404
    with crowd(followers=20, listeners=20, pollers=6) as present:
        module('later_pressed', 'button_immediate_install')
        assert ann.poll('/later_pressed').json()['version'] == 1
        check_quiet(log())
        write(later, 'later_pressed', 2)
        module('later_pressed', 'button_upgrade' if seven else 'button_immediate_upgrade')
        assert ann.poll('/later_pressed').json()['version'] == 1
        assert log().count(RESTART.format('later_pressed')) == 1
        module('later_pressed', 'button_uninstall' if seven else 'button_immediate_uninstall')
        assert ann.poll('/later_pressed').status_code == 404
        present.wait()
    assert stack.sidecar_pid == process
    assert 'Traceback' not in log() and 'blocked all others' not in log()
    assert log().count(RESTART.format('later_pressed')) == 1


def test_routes_follow_what_is_done_with_oe(stack, later, oe, ann, crowd, log):
    """The same by `oe -i` and `oe -u`, beside the host and the sidecar."""
    write(later, 'later_typed', 1)
    with crowd(followers=20, listeners=20, pollers=6) as present:
        oe(*(['-u', 'base'] if stack.host == 'openerp-7.0' else []), '-i', 'later_typed')
        assert ann.poll('/later_typed').json()['version'] == 1
        write(later, 'later_typed', 2)
        oe('-u', 'later_typed')
        assert ann.poll('/later_typed').json()['version'] == 1
        assert RESTART.format('later_typed') in log()
        present.wait()
    assert 'Traceback' not in log() and 'blocked all others' not in log()


def test_a_poll_that_ends_while_modules_are_loaded_leaves_no_half_registry(stack, ann, sql, channel, log):
    """Routes follow: the loading is nobody's poll, and goes on when the poll that saw the change has ended."""
    for _ in range(3):
        position = following(ann, channel).position
        with connection(ann, stack.sidecar_url, '/news/follow', {'channels': [channel]}, position):
            eventually(lambda: ann.poll('/news/held').json()['following'] == 1)
            with psycopg2.connect(stack.dsn) as transaction, transaction.cursor() as cr:
                cr.execute("SELECT nextval('base_registry_signaling')" if stack.host == 'openerp-7.0' else
                           "INSERT INTO orm_signaling_registry DEFAULT VALUES")
                publishing.publish(cr, channel)
            transaction.close()
            time.sleep(0.25)        # it is woken, sees the change, and waits for the registry
        assert ann.clone().poll('/read/model', {'model': 'res.partner'}).status_code == 200
        assert ann.poll('/mainroute').status_code == 200
    assert 'Traceback' not in log()


def seen(session) -> int:
    """How many partners a poll of this user sees."""
    answer = session.poll('/read/model', {'model': 'res.partner'})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_record_rule_and_membership_in_its_group_count_at_once(stack, admin, new_user, log):
    """A user's rights changed, while it runs: the next poll sees a new rule, and who has come into its group."""
    user, other = new_user(), new_user()
    group = admin.rpc('res.groups', 'create', [{'name': f'Blind {stack.host}'}])
    [partners] = admin.rpc('ir.model', 'search', [[('model', '=', 'res.partner')]])
    members = 'users' if stack.host == 'openerp-7.0' else 'user_ids'
    before = seen(user)
    assert before > 1
    rule = admin.rpc('ir.rule', 'create', [{
        'name': 'nothing', 'model_id': partners, 'domain_force': "[('id', '=', 0)]", 'groups': [(6, 0, [group])]}])
    assert seen(user) == before
    admin.rpc('res.groups', 'write', [[group], {members: [(4, user.uid)]}])
    assert (seen(user), seen(other)) == (0, before)
    admin.rpc('res.groups', 'write', [[group], {members: [(3, user.uid)]}])
    assert seen(user) == before
    admin.rpc('res.groups', 'write', [[group], {members: [(4, user.uid)]}])
    admin.rpc('ir.rule', 'unlink', [[rule]])
    assert seen(user) == before
    check_quiet(log())


def test_an_access_right_counts_at_once(admin, new_user):
    """A user's rights changed: what ir.model.access allows, the next poll may read, and no longer."""
    user = new_user()
    [model] = admin.rpc('ir.model', 'search', [[('model', '=', 'ir.mail_server')]])
    assert user.poll('/read/forbidden').status_code == 500
    access = admin.rpc('ir.model.access', 'create', [{'name': 'mail', 'model_id': model, 'perm_read': True}])
    assert user.poll('/read/forbidden').status_code == 200
    admin.rpc('ir.model.access', 'unlink', [[access]])
    assert user.poll('/read/forbidden').status_code == 500


def test_what_a_held_poll_reads_when_it_is_woken_follows_the_users_rights(stack, admin, new_user, sql, channel):
    """A user's rights changed while his poll is held: what its controller reads then is what he may see now."""
    user = new_user()
    partner = admin.rpc('res.partner', 'create', [{'name': channel}])
    group = admin.rpc('res.groups', 'create', [{'name': f'Blind {channel}'}])
    [partners] = admin.rpc('ir.model', 'search', [[('model', '=', 'res.partner')]])
    admin.rpc('ir.rule', 'create', [{'name': 'not this one', 'model_id': partners, 'groups': [(6, 0, [group])],
                                     'domain_force': f"[('id', '!=', {partner})]"}])
    assert user.poll('/news/count', {'name': channel, 'seen': 0}).text == '1'       # which fills the caches
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(user.clone().poll, '/news/count', {'name': channel, 'seen': 1})
        time.sleep(1)
        members = 'users' if stack.host == 'openerp-7.0' else 'user_ids'
        admin.rpc('res.groups', 'write', [[group], {members: [(4, user.uid)]}])
        assert not held.done()
        sql("INSERT INTO longpolling_event (channel) VALUES ('partners')")
        assert held.result(30).text == '0'
