"""Several databases: a session reaches its own only, and a module's routes answer only where it is installed."""

import pytest

from tests.support import addon_writer
from tests.support.clients import Session


@pytest.fixture(scope='module')
def both(stack, programs, oe_config, second):
    """A sidecar that serves both databases; the second has a module with a route that the first has not."""
    name = addon_writer.write(stack, 'longpolling_novelty', addon_writer.CONTROLLER)
    outcome = programs.oe('-c', oe_config, '-d', second, '-i', name, '--stop-after-init')
    assert outcome.status == 0, outcome.err
    with programs.serving('-c', oe_config, '-d', f'{stack.db},{second}', '-p', programs.port()) as serving:
        before = stack.nginx.dispatch.sidecar_ports
        stack.nginx.change(sidecar_ports=(serving.address[1],))
        yield serving
        stack.nginx.change(sidecar_ports=before)


@pytest.fixture
def resident(stack, second) -> Session:
    """The administrator of the second database, logged in there."""
    return Session(stack.host, stack.url, second, stack.path).login()


def test_a_session_reaches_its_own_database_only(stack, both, ann, resident):
    """-d: several databases; a session of one never reads in another."""
    for _ in range(3):
        assert ann.poll('/who').json()['db'] == stack.db
        found = resident.poll('/novelty').json()
        assert (found['db'], found['uid']) == ('second', resident.uid)
        assert 'admin' in found['logins'] and 'ann' not in found['logins']


def test_the_browser_can_not_choose_the_database(stack, both, ann):
    """The database is the session's, whatever the parameters or headers say."""
    answer = ann.poll('/who?db=second', {'db': 'second'}, headers={'X-Odoo-Database': 'second'})
    assert answer.json()['db'] == stack.db


def test_routes_answer_only_where_their_module_is_installed(both, ann, resident):
    """A module's routes answer only for databases in which that module is installed: 404."""
    assert resident.poll('/novelty').status_code == 200
    assert ann.poll('/novelty').status_code == 404
    assert ann.poll('/mainroute').status_code == 200
    assert resident.poll('/mainroute').status_code == 404
    assert resident.poll('/public').status_code == 404


def test_somebody_without_a_session_finds_the_public_routes_of_all(both, visitor):
    """Without a login there is no database: the public routes of all served databases answer."""
    assert visitor.poll('/public').json() == {'has': []}
    assert visitor.poll('/novelty').status_code == 401


def test_a_session_of_a_database_that_is_not_served_is_nobody(stack, second, resident):
    """A sidecar that serves one database knows no users of another."""
    assert resident.poll('/mainroute', url=stack.sidecar_url).status_code == 401
    assert resident.poll('/public', url=stack.sidecar_url).json() == {'has': []}


def test_databases_may_be_named_by_several_options(stack, programs, oe_config, second, visitor):
    """-d once for each database does the same as one -d with commas."""
    with programs.serving('-c', oe_config, '-d', stack.db, '-d', f' {second} ', '-p', programs.port()) as serving:
        assert visitor.poll('/public', url=serving.url).status_code == 200
        assert f'INFO {stack.db} ' in serving.log and f'INFO {second} ' in serving.log
