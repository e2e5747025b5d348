"""What the host's scheduled action forgets, and who hears that some is missing."""

import time

import psycopg2
import pytest

from tests.support.clients import RpcError
from tests.support.pages import Page, following, payloads
from web_longpolling import publishing, schema

from .conftest import RETENTION

# What OpenERP 7.0's scheduler does with one of its jobs (base/ir/ir_cron.py, _process_job).
SCHEDULER = """
import sys
import openerp
openerp.tools.config.parse_config(['-c', sys.argv[1]])
registry = openerp.modules.registry.RegistryManager.get(sys.argv[2])
with registry.cursor() as cr:
    crons = registry.get('ir.cron')
    job = crons.browse(cr, 1, int(sys.argv[3]))
    assert job.active
    crons._callback(cr, 1, job.model, job.function, job.args, job.id)
"""


@pytest.fixture
def forget(stack, admin, sql, programs):
    """Runs the scheduled action of the host, as its scheduler does once an hour."""
    [(action,)] = sql("SELECT res_id FROM ir_model_data WHERE module = 'web_longpolling' AND name = 'cron_purge'")

    def run():
        if stack.host != 'openerp-7.0':
            admin.rpc('ir.cron', 'method_direct_trigger', [[action]])
        else:
            outcome = programs.run('-c', SCHEDULER, stack.config, stack.db, action)
            assert (outcome.status, 'Traceback' in outcome.err) == (0, False), outcome.err
    return run


@pytest.fixture
def purge(transaction):
    """The same without the host."""
    def run():
        with transaction() as cr:
            return schema.purge(cr, RETENTION)
    return run


def kept(sql, channel):
    return sql("SELECT count(*) FROM longpolling_event WHERE channel = %s", (channel,))[0][0]


def restart_sidecar(stack):
    """One that has nothing in memory."""
    stack.stop_sidecar()
    stack.start_sidecar()


def test_the_scheduled_action_forgets_what_has_been_visible_for_long_enough(stack, ann, sql, publish, forget, channel):
    """Who comes back later is told that some are missing, and goes on from there."""
    page = following(ann, channel)
    publish(channel, 'old 1', 'old 2')
    forget()
    assert kept(sql, channel) == 2
    time.sleep(RETENTION + 0.5)
    publish(channel, 'kept')
    forget()
    assert kept(sql, channel) == 1
    restart_sidecar(stack)
    answer = page.answer()
    assert (payloads(answer), answer['missed']) == (['kept'], True)
    publish(channel, 'new')
    answer = page.answer()
    assert (payloads(answer), 'missed' in answer) == (['new'], False)


def test_a_transaction_that_lasts_longer_than_the_retention_loses_nothing(stack, ann, sql, transaction, purge, channel):
    """An event is as old as the moment in which it became visible, not as its writing."""
    page = following(ann, channel)
    purge()
    with transaction() as cr:
        publishing.publish(cr, channel, 'written long ago')
        time.sleep(RETENTION + 1)
        purge()
    purge()
    restart_sidecar(stack)
    answer = page.answer()
    assert (payloads(answer), 'missed' in answer) == (['written long ago'], False)
    time.sleep(RETENTION + 0.5)
    purge()
    assert kept(sql, channel) == 0


def test_nobody_has_missed_what_was_forgotten_on_other_channels_or_before(stack, ann, sql, transaction, publish, purge,
                                                                          channel):
    """The horizon is exact: a transaction in flight, other channels and what was seen already do not matter."""
    publish(channel, 'seen before')
    page = following(ann, f'{channel}-quiet')
    with transaction() as other:
        other.execute("SELECT txid_current()")      # in flight in the positions that are given now
        seen = following(ann, channel)
        publish(channel, 'seen')
        assert seen.payloads() == ['seen']
        publish(f'{channel}-2', 'of another channel')
        page.params['channels'] = [f'{channel}-quiet']
    late = following(ann, channel)
    purge()
    time.sleep(RETENTION + 0.5)
    purge()
    assert kept(sql, channel) == kept(sql, f'{channel}-2') == 0
    restart_sidecar(stack)
    publish(channel, 'new')
    publish(f'{channel}-quiet', 'new')
    for one in (page, seen, late):
        answer = one.answer()
        assert (payloads(answer), 'missed' in answer) == (['new'], False)


def test_all_forgotten_is_noticed_too(stack, ann, holding, publish, purge, channel):
    """An empty feed still knows what it has forgotten; who waits is told that there may be news."""
    page, waiting = following(ann, channel), Page(ann, '/news/wait', {'channels': [channel]})
    waiting.answer()
    publish(channel, 'old')
    purge()
    time.sleep(RETENTION + 0.5)
    purge()
    restart_sidecar(stack)
    answer = page.answer()
    assert (answer['events'], answer['missed']) == ([], True)
    assert waiting.answer() == [channel]
    held = holding.hold(page)       # it waits as ever from there on
    publish(channel, 'new')
    assert payloads(held.result().json()) == ['new']


def test_long_after_that_it_is_noticed_all_the_same(stack, ann, sql, publish, purge, channel):
    """Which events were deleted is remembered for a while; then one horizon stands for all of them."""
    page = following(ann, channel)
    publish(channel, 'old')
    purge()
    time.sleep(RETENTION + 0.5)
    purge()
    time.sleep(schema.REMEMBERED * RETENTION + 0.5)
    purge()
    assert sql("SELECT count(*) FROM longpolling_purged WHERE channel = %s", (channel,)) == [(0,)]
    restart_sidecar(stack)
    assert page.answer()['missed'] is True
    late = following(ann, channel)
    publish(channel, 'new')
    assert 'missed' not in late.answer()


def test_rows_of_a_replication_role_do_not_stop_it(stack, sql, ann, purge, forget, channel):
    """What a logical replication writes has no trigger's work done on it, and is forgotten as well."""
    with psycopg2.connect(stack.superuser_dsn) as connection, connection.cursor() as cr:
        cr.execute("SET session_replication_role = replica")
        publishing.publish(cr, channel, 'replicated')
        publishing.publish(cr, channel)
    purge()
    time.sleep(RETENTION + 0.5)
    forget()
    assert kept(sql, channel) == 0


def test_events_that_were_written_before_there_were_any_marks_are_judged_by_their_date(sql, publish, transaction,
                                                                                      channel):
    """In a database that has had the module for less than the retention."""
    publish(channel, 'old', 'new')
    sql("UPDATE longpolling_event SET create_date = create_date - interval '2 days' WHERE payload = '\"old\"'")
    with transaction() as cr:
        assert schema.purge(cr, 86400) == 1
    assert kept(sql, channel) == 1


def test_an_ordinary_user_can_not_run_it_by_rpc(stack, ann):
    """Names that RPC may not call."""
    for name in ('_purge', 'purge', 'init'):
        with pytest.raises(RpcError):
            ann.rpc('longpolling.feed', name)
