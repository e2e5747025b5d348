"""oe -d mydb -i web_longpolling: the host's own server command, with this addon on its path."""

import pytest

from tests.support import addon_writer

STATE = "SELECT state FROM ir_module_module WHERE name = %s"


@pytest.fixture(scope='module')
def oe(programs, oe_config, second):
    """A function that runs `oe` on the second database until it ends."""
    return lambda *arguments: programs.oe('-c', oe_config, '-d', second, '--stop-after-init', *arguments)


def test_oe_makes_the_database_and_installs_the_module(second, sql):
    """Install the web_longpolling module: oe -d mydb -i web_longpolling; the database need not exist."""
    assert sql(STATE, ('web_longpolling',), db=second) == [('installed',)]


def test_oe_installs_an_addon_that_is_newer_than_the_database(stack, oe, second, sql):
    """Or a module which depends on web_longpolling, though the database does not know of it yet."""
    name = addon_writer.write(stack, 'longpolling_newer', '')
    assert sql(STATE, (name,), db=second) == []
    outcome = oe('-i', name)
    assert outcome.status == 0, outcome.err
    assert sql(STATE, (name,), db=second) == [('installed',)]


def test_oe_updates_a_module(oe):
    """All other arguments are the host's own: -u."""
    outcome = oe('-u', 'web_longpolling')
    assert outcome.status == 0, outcome.err


def test_oe_passes_every_argument_to_the_host(stack, programs):
    """oe is the host's own command: what it does not know itself, the host does."""
    outcome = programs.oe('--version')
    assert outcome.status == 0
    assert {'openerp-7.0': '7.0', 'odoo-19.0': '19.0'}[stack.host] in outcome.out + outcome.err
    outcome = programs.oe('--no-such-option')
    assert outcome.status == 2
    assert 'no such option: --no-such-option' in outcome.err


def test_oe_fails_if_a_module_is_unknown(oe):
    """A module that does not exist is not installed: one sentence and a status other than 0."""
    outcome = oe('-i', 'no_such_module')
    assert outcome.status == 1
    assert outcome.err.splitlines()[-1].startswith('oe: Not installed in second: no_such_module')


def test_oe_fails_if_a_module_is_broken(stack, oe, second, sql):
    """A module that can't be imported is not installed: a status other than 0."""
    name = addon_writer.write(stack, 'longpolling_broken', addon_writer.BROKEN)
    try:
        outcome = oe('-i', name)
        assert outcome.status != 0
        assert 'this addon is broken' in outcome.out + outcome.err
    finally:
        sql("UPDATE ir_module_module SET state = 'uninstalled' WHERE name = %s", (name,), db=second)


def test_oe_fails_if_postgresql_does_not_answer(programs):
    """A database that is out of reach: a status other than 0, and a sentence at the end."""
    config = programs.config('oe-elsewhere', db_port='1')
    outcome = programs.oe('-c', config, '-d', 'third', '-i', 'web_longpolling', '--stop-after-init')
    assert outcome.status != 0
    assert 'Traceback' not in outcome.err.splitlines()[-1]
