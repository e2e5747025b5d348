"""A database that is down at start, goes away, or is dropped: the others are served; it comes back by itself."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from tests.support.clients import Session, visit
from tests.support.held_polls import eventually
from tests.support.pages import Page
from web_longpolling import publishing

# The longest pause between two attempts is ten seconds, with jitter.
BACK = 25
QUIET = 1.5
KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
NOT_SERVED = 'The database second is not served until it can be loaded: '


@pytest.fixture(scope='module')
def resident(stack, second) -> Session:
    """The administrator of the second database, logged in there."""
    return visit_second(stack, second)


def visit_second(stack, second) -> Session:
    return Session(stack.host, stack.url, second, stack.path).login()


@pytest.fixture
def closed(sql, second):
    """`with closed()`: PostgreSQL lets nobody into the second database."""
    @contextlib.contextmanager
    def block():
        sql(f'ALTER DATABASE {second} WITH ALLOW_CONNECTIONS false')
        try:
            sql(KILL, (second,))
            yield
        finally:
            sql(f'ALTER DATABASE {second} WITH ALLOW_CONNECTIONS true')
    return block


@pytest.fixture
def both(stack, second, programs):
    """Arguments of a sidecar that serves both databases."""
    return '-c', stack.config, '-d', f'{stack.db},{second}', '-p', programs.port()


def health(serving, session):
    answer = session.http.get(serving.url + '/health', timeout=10)
    return answer.status_code, answer.json()['status'], answer.json()['listening']


def loaded(serving, session, db) -> bool:
    text = session.http.get(serving.url + '/metrics', timeout=10).text
    return f'longpolling_loaded{{database="{db}"}} 1.0' in text


def served(serving, session) -> bool:
    status = session.poll('/who', url=serving.url).status_code
    assert status in (200, 503)
    return status == 200


def check_refused(answer):
    assert answer.status_code == 503, answer.text
    assert int(answer.headers['Retry-After']) > 0
    assert answer.json() == {'error': 'The database does not answer just now; try again.'}


def test_a_database_that_is_out_of_reach_at_the_start_follows_later(stack, programs, both, closed, ann, resident):
    """A database that is down at start: the others are served; its polls get 503; it comes back by itself."""
    with contextlib.ExitStack() as until_open:
        until_open.enter_context(closed())
        with programs.serving(*both) as serving:
            assert ann.poll('/who', url=serving.url).json()['uid'] == ann.uid
            for route in ('/who', '/public', '/no/such/route'):
                check_refused(resident.poll(route, url=serving.url))
            assert health(serving, ann) == (200, 'ok', {stack.db: True, 'second': False})
            assert loaded(serving, ann, stack.db) and not loaded(serving, ann, 'second')
            time.sleep(QUIET)       # in which it tries several times
            assert serving.log.count('database second') == serving.log.count(NOT_SERVED) == 1
            until_open.close()
            eventually(lambda: served(serving, resident), BACK)
            assert resident.poll('/who', url=serving.url).json()['db'] == 'second'
            assert 'The database second is served: its registry was loaded in ' in serving.log
            eventually(lambda: health(serving, ann)[2] == {stack.db: True, 'second': True})
            assert 'Traceback' not in serving.log and 'blocked all others' not in serving.log


def test_somebody_without_a_session_is_served_by_the_databases_that_are_there(stack, programs, both, closed, ann):
    """The others are served, to visitors as well; what may be a route of the missing one gets 503 and not 404."""
    visitor = visit(stack)
    with closed(), programs.serving(*both) as serving:
        assert visitor.poll('/public', url=serving.url).json() == {'has': []}
        assert visitor.poll('/who', url=serving.url).status_code == 401
        check_refused(visitor.poll('/no/such/route', url=serving.url))
        assert ann.poll('/no/such/route', url=serving.url).status_code == 404


def test_with_no_database_in_reach_the_start_is_over(stack, second, programs, closed):
    """An unreachable database gives one sentence and a non-zero status, if it is the only one."""
    with closed():
        outcome = programs.server('-c', stack.config, '-d', second, '-p', programs.port())
    assert outcome.status == 1
    assert outcome.err.splitlines()[-1].startswith("server.py: The database second can't be opened: ")
    assert 'Traceback' not in outcome.err


def test_a_name_that_postgresql_does_not_know_is_a_mistake(stack, second, programs, closed):
    """An unknown database stops the start with one sentence, though another one is known and a third is closed."""
    with closed():
        outcome = programs.server('-c', stack.config, '-d', f'{second},no_such_database,{stack.db}',
                                  '-p', programs.port())
    assert outcome.status == 1
    assert outcome.err.splitlines()[-1].startswith("server.py: The database no_such_database can't be opened: ")


def test_a_database_that_goes_away_and_comes_back(stack, programs, both, closed, ann, resident):
    """Goes away: its polls get 503, the others notice nothing, it comes back by itself."""
    with programs.serving(*both) as serving:
        assert served(serving, resident)
        with closed():
            eventually(lambda: not health(serving, ann)[2]['second'])
            for _ in range(5):
                check_refused(resident.poll('/who', url=serving.url))
                assert served(serving, ann)
            assert serving.log.count('The database second does not answer: ') == 1
            assert serving.log.count('No news from database second until it answers again: ') == 1
        eventually(lambda: served(serving, resident), BACK)
        eventually(lambda: health(serving, ann)[2]['second'], BACK)
        assert 'is not served' not in serving.log       # its registry is still the right one
        assert 'Traceback' not in serving.log


def test_a_database_that_is_dropped_and_restored_comes_back(stack, second, programs, both, sql, dump, ann, resident):
    """Is dropped: 503 meanwhile, also while it is empty and while it is being restored; then with its own registry."""
    sql("UPDATE ir_module_module SET state = 'uninstalled' WHERE name = 'longpolling_demo'", db=second)
    with programs.serving(*both) as serving, ThreadPoolExecutor(1) as pool:
        assert resident.poll('/wall', url=serving.url).status_code == 404     # a route of longpolling_demo
        publish(stack, second)
        page = Page(resident.clone(), '/news/follow', {'channels': ['wall']})
        page.poll(url=serving.url)
        held = pool.submit(page.poll, url=serving.url)
        eventually(lambda: resident.poll('/news/held', url=serving.url).json()['following'] == 1)

        sql(KILL, (second,))
        sql(f'DROP DATABASE {second} WITH (FORCE)')
        for _ in range(3):
            check_refused(resident.poll('/who', url=serving.url))
            assert served(serving, ann)
        stack.postgresql.create_database(second)
        time.sleep(QUIET)
        check_refused(resident.poll('/who', url=serving.url))
        assert sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace",
                   db=second) == [(0,)], 'the sidecar has written into an empty database'

        with restoring(dump, stack.db, second) as restored:
            while not restored.done():
                assert served(serving, ann)
                served(serving, resident)
            restored.result()
        eventually(lambda: served(serving, resident), BACK)
        assert serving.log.count(NOT_SERVED) <= 2       # it is not there; it is there, and empty
        assert serving.log.count('The database second is served: ') == 1
        assert 'Traceback' not in serving.log and 'blocked all others' not in serving.log
        # What the pages of the old database know is not true of this one.
        assert held.result(BACK).json()['missed'] is True
        page.params['channels'].append('again')
        publish(stack, second)
        assert page.poll(url=serving.url).status_code == 200
        assert resident.poll('/wall', url=serving.url).status_code == 204


def publish(stack, db):
    """Some events more than in the database of which it is a copy."""
    with contextlib.closing(psycopg2.connect(stack.postgresql.dsn(db))) as connection, connection.cursor() as cr:
        for number in range(3):
            publishing.publish(cr, 'wall', number)
        connection.commit()


@contextlib.contextmanager
def restoring(dump, source, target):
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(dump, source, target)
