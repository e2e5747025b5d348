"""The long polling controller doesn't allow the write in database."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import psycopg2.errors
import psycopg2.sql
import pytest

from tests.support.held_polls import eventually
from web_longpolling import host

RULE = 'A long polling controller may not write to the database'
WAYS = ['create', 'write', 'unlink', 'sql', 'after_commit', 'after_rollback', 'delayed']


@pytest.fixture
def partners(sql):
    """A function that reads every partner, as it is in the database."""
    return lambda: sql("SELECT id, name FROM res_partner ORDER BY id")


@pytest.mark.parametrize('way', WAYS)
def test_a_controller_that_writes_is_refused_and_nothing_is_changed(admin, partner, partners, way, log):
    """The long polling controller doesn't allow the write in database: an error that names the rule."""
    before = partners()
    assert (partner, 'unchanged') in before
    answer = admin.poll(f'/write/{way}', {'partner': partner})
    assert answer.status_code == 500
    assert answer.json() == {'error': "The controller failed; the server's log says why."}
    assert RULE in log()
    assert partners() == before


def test_a_controller_that_hides_the_error_changes_nothing(admin, partner, partners):
    """The cursors are rolled back: not even a controller that catches the error and commits has written."""
    before = partners()
    admin.poll('/write/caught', {'partner': partner})
    assert partners() == before


def test_the_next_poll_reads_after_one_that_tried_to_write(admin, partner):
    """The cursor is rolled back before the connection is used again."""
    for _ in range(4):      # more than there are connections
        assert admin.poll('/write/sql', {'partner': partner}).status_code == 500
    for _ in range(4):
        assert admin.poll('/read/transactions').json()['read_only'] == 'on'


def test_no_transaction_stays_open_after_a_poll(admin, sql):
    """The cursors are rolled back before the connection is closed or used again: none is idle in transaction."""
    for _ in range(4):
        admin.poll('/sample/user')
    assert sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'longpolling' "
               "AND state LIKE 'idle in transaction%'") == [(0,)]


@pytest.mark.parametrize('table', ['signaling', 'res_users'])
def test_a_session_is_verified_in_a_transaction_that_may_not_write(stack, ann, sql, table):
    """It is begun in one message with its first statement, and what follows is of the same transaction."""
    if table == 'signaling':
        table = 'orm_signaling_registry' if stack.host == 'odoo-19.0' else 'base_registry_signaling'
    [(before,)], waiting = sql("SELECT now()"), []

    def waits():
        waiting[:] = sql("SELECT query, xact_start < query_start FROM pg_stat_activity WHERE state = 'active' "
                         "AND application_name = 'longpolling' AND wait_event_type = 'Lock' AND query_start > %s",
                         (before,))
        return waiting

    with contextlib.closing(psycopg2.connect(stack.dsn)) as connection, ThreadPoolExecutor(1) as pool:
        connection.cursor().execute(f"ALTER TABLE {table} OWNER TO CURRENT_USER")   # locks out whoever reads it
        answer = pool.submit(ann.poll, '/sample/user')
        eventually(waits)
        connection.rollback()
        assert answer.result().status_code == 200
    [(query, of_one_begun_before)] = waiting
    if table == 'res_users':
        assert of_one_begun_before
    else:
        assert query.startswith('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT')


def test_a_poll_reads_on_the_connection_on_which_its_session_was_verified(stack, ann, programs, sql):
    """It opens none of its own."""
    [(foreign,)] = sql("SELECT array_agg(pid) FROM pg_stat_activity")
    with programs.serving('-c', programs.config('one'), '-d', stack.db, '-p', programs.port()) as serving:
        for _ in range(10):
            assert ann.poll('/sample/user', url=serving.url).status_code == 200
        assert sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'longpolling' AND pid <> ALL(%s)",
                   (foreign,)) == [(1,)]


class Cursor:
    """As much of a host's cursor as WriteWatch stands on."""

    def __init__(self, connection):
        self._cnx, self._obj = connection, connection.cursor()

    def execute(self, query, params=None, log_exceptions=None):
        return self._obj.execute(query, params)

    def rollback(self):
        self._cnx.rollback()


class Watched(host.WriteWatch, Cursor):
    pass


@pytest.mark.parametrize('query', ['SHOW transaction_read_only', b'SHOW transaction_read_only',
                                   psycopg2.sql.SQL('SHOW transaction_read_only')], ids=['text', 'bytes', 'composed'])
def test_whatever_is_asked_first_begins_the_transaction_and_each_one_after_a_rollback(stack, query):
    with contextlib.closing(psycopg2.connect(stack.dsn)) as connection:
        cr = Watched(connection)
        assert not cr.readonly
        cr.begin_with_first()
        assert cr.readonly
        for _ in range(2):
            cr.execute(query)
            assert cr._obj.fetchone() == ('on',)
            assert connection.get_transaction_status() == psycopg2.extensions.TRANSACTION_STATUS_INTRANS
            with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
                cr.execute("CREATE TABLE not_to_be ()")
            assert cr.refused
            cr.rollback()
            assert connection.get_transaction_status() == psycopg2.extensions.TRANSACTION_STATUS_IDLE
        cr.execute(query)
        host.roll_back(connection)
        assert connection.get_transaction_status() == psycopg2.extensions.TRANSACTION_STATUS_IDLE
