"""From the addon of 2013, and from earlier versions of this one: the code is replaced, the module updated."""

import contextlib
import re
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest
import requests

from tests.support import addon_writer
from tests.support.clients import Session
from tests.support.feed_tables import FIRST_DESIGN, SHAPE
from tests.support.held_polls import eventually
from tests.support.programs import START_SECONDS
from web_longpolling import schema

# An addon as it was written for the addon of 2013: the specification's samples, and a controller that asks the database
# again and again until something has changed, since there was nothing to wait for.
OF_2013 = """# -*- coding: utf-8 -*-
import time

from openerp.addons.web_longpolling.longpolling import longpolling
from openerp.addons.web_longpolling.longpolling import get_timeout


@longpolling.route('/mainroute')
@longpolling.route('/otherroute')
@longpolling.route('/varroute/<var1>/<var2>')
def myfunction(request, **kwargs):
    var1 = kwargs.get('var1')
    var2 = kwargs.get('var2')
    user = request.model('res.users')
    [read] = user.read([request.uid], ['partner_id'], context=request.context)
    return [var1, var2, read['id'] == request.uid]


@longpolling.route(path='/parameters', mode='json', mustbeauthenticated=True)
def parameters(request, seen=0, **kwargs):
    partners = request.model('res.partner')
    until = time.time() + get_timeout()
    while time.time() < until:
        count = partners.search_count([], context=request.context)
        if count != seen:
            return count
        time.sleep(0.1)
"""

# What a database has of a module without tables, records or models: the name, as installed.
AS_IN_2013 = """
DELETE FROM ir_cron WHERE id IN (
    SELECT res_id FROM ir_model_data WHERE module = 'web_longpolling' AND model = 'ir.cron');
DELETE FROM ir_model_access WHERE id IN (
    SELECT res_id FROM ir_model_data WHERE module = 'web_longpolling' AND model = 'ir.model.access');
DELETE FROM ir_model_data WHERE module = 'web_longpolling';
UPDATE ir_module_module SET latest_version = '0.1' WHERE name = 'web_longpolling';
DROP TABLE longpolling_watch;
""" + schema._DROP
VERSION = "SELECT state, latest_version FROM ir_module_module WHERE name = 'web_longpolling'"
RECORDS = """
SELECT model, name FROM ir_model_data WHERE module = 'web_longpolling' AND model IN ('ir.cron', 'ir.model.access')"""


@pytest.fixture(scope='module')
def update(programs, oe_config, second):
    """A function that does what doc/upgrading.rst says once the code is replaced, and installs addons meanwhile."""
    def run(*addons):
        install = ['-i', *addons] if addons else []
        outcome = programs.oe('-c', oe_config, '-d', second, '-u', 'web_longpolling', *install, '--stop-after-init')
        assert outcome.status == 0, outcome.err
    return run


@pytest.fixture
def all_of(sql, second):
    """A function: columns, indexes and the rest of the feed in the second database."""
    return lambda: set(sql(SHAPE, db=second))


@pytest.fixture
def put(stack, second):
    """A function that runs statements in the second database as the role that owns its tables."""
    def run(statements):
        with contextlib.closing(psycopg2.connect(stack.postgresql.dsn(second))) as connection:
            with connection, connection.cursor() as cr:
                cr.execute(statements)
    return run


def test_an_installation_of_2013_goes_on_with_its_configuration_and_its_addons(
        stack, programs, oe_config, second, update, sql, all_of, put):
    before = all_of(), set(sql(RECORDS, db=second)), sql(VERSION, db=second)
    put(AS_IN_2013)
    update(addon_writer.write(stack, 'longpolling_of_2013', OF_2013))
    assert (all_of(), set(sql(RECORDS, db=second)), sql(VERSION, db=second)) == before
    # etc/openerp.cfg as it was described then, and the same command line.
    config = programs.config('of-2013', longpolling_path='/otherpath', longpolling_timeout=30, db_name=None,
                             addons_path=addons_path(oe_config))
    with programs.serving('-c', config, '-d', second, '-i', '127.0.0.1', '-p', programs.port(),
                          '--max-cursor', '2') as serving:
        admin = Session(stack.host, stack.url, second, '/otherpath').login()
        assert admin.poll('/mainroute', url=serving.url).json() == [None, None, True]
        assert admin.poll('/otherroute', url=serving.url).json() == [None, None, True]
        assert admin.poll('/varroute/one/two', url=serving.url).json() == ['one', 'two', True]
        count = admin.poll('/parameters', {'seen': -1}, url=serving.url).json()
        assert count > 0
        with ThreadPoolExecutor() as pool:
            held = pool.submit(admin.clone().poll, '/parameters', {'seen': count}, url=serving.url)
            eventually(lambda: requests.get(f'{serving.url}/polls', timeout=10).json(), START_SECONDS)
            admin.rpc('res.partner', 'create', [{'name': 'One more'}])
            assert held.result().json() == count + 1
        assert "Add the rule: 'myfunction:/otherpath/varroute/<var1>/<var2>'" in serving.log


def addons_path(config) -> str:
    return re.search('^addons_path = (.*)$', config.read_text(), re.MULTILINE).group(1)


def test_a_database_of_the_first_design_keeps_its_events(second, update, sql, all_of, put):
    """-u web_longpolling brings its tables to the shape of now."""
    before = all_of()
    put(FIRST_DESIGN)
    assert all_of() != before
    update()
    assert all_of() == before
    assert sql("SELECT channel, payload FROM longpolling_event ORDER BY id", db=second) == [('old', '1'), ('old', '2')]
