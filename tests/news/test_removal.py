"""The tables of the feed come and go with the module, and an update makes good what is missing of them."""

import contextlib

import psycopg2
import pytest

from tests.support.clients import visit
from web_longpolling import publishing

OURS = """
    SELECT relname FROM pg_class WHERE relname LIKE 'longpolling%%'
    UNION SELECT proname FROM pg_proc WHERE proname LIKE 'longpolling%%'
    UNION SELECT tgname FROM pg_trigger WHERE tgname LIKE 'longpolling%%'
    UNION SELECT key FROM ir_config_parameter WHERE key LIKE 'longpolling%%'"""
MODULE = [('name', '=', 'web_longpolling')]


@pytest.fixture
def own(host, up):
    """A stack of its own, whose module may be removed."""
    with up(host, install=(), sidecar=False) as stack:
        yield stack


def query(stack, statement):
    with contextlib.closing(psycopg2.connect(stack.dsn)) as connection, connection, connection.cursor() as cr:
        cr.execute(statement)
        return {row[0] for row in cr.fetchall()}


def publish(stack, payload):
    with contextlib.closing(psycopg2.connect(stack.dsn)) as connection, connection, connection.cursor() as cr:
        publishing.publish(cr, 'wall', payload)


def test_the_feed_goes_with_the_module_and_comes_back(own):
    """Removed by the host's own means, nothing is left in the database; installed again, it works again."""
    admin = visit(own, own.login, own.password)
    module = admin.rpc('ir.module.module', 'search', [MODULE])
    there = query(own, OURS)
    assert {'longpolling_event', 'longpolling_purged', 'longpolling_mark', 'longpolling_origin'} <= there
    publish(own, 'first')
    admin.uninstall('web_longpolling')
    assert query(own, "SELECT state FROM ir_module_module WHERE name = 'web_longpolling'") == {'uninstalled'}
    assert query(own, OURS) == set()
    admin.rpc('ir.module.module', 'button_immediate_install', [module])
    assert query(own, OURS) == there
    publish(own, 'second')
    assert query(own, "SELECT payload FROM longpolling_event") == {'"second"'}
