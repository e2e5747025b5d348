"""A sidecar whose database is behind a pgbouncer: it reads through the pool and LISTENs past it."""

import contextlib
import itertools

import psycopg2
import psycopg2.extras
import pytest

from sandbox.servers.pgbouncer import Pgbouncer
from tests.support.held_polls import HeldPolls

TELLER = 'longpolling.test.teller'
# Seconds: longer than any of these tests takes.
TIMEOUT = 40
# Seconds in which the look has found what nobody has notified of, on a busy machine.
LONG = 15
LISTENERS = "SELECT pid, client_port FROM pg_stat_activity WHERE application_name = 'longpolling listener'"
CONNECTION = "SELECT client_port FROM pg_stat_activity WHERE pid = %s"
_channels = (f'pooled-{number}' for number in itertools.count(1))


@pytest.fixture(params=['session', 'transaction'])
def pool(request, stack):
    """A pgbouncer in this mode before the stack's PostgreSQL."""
    with Pgbouncer(stack, request.param).running() as running:
        yield running


@pytest.fixture
def past(stack):
    """The options that let a sidecar LISTEN in PostgreSQL itself."""
    return {'longpolling_listen_host': '127.0.0.1', 'longpolling_listen_port': stack.postgresql.port}


@pytest.fixture
def behind(pool, programs, ann, admin, sql):
    """`with behind(**options) as polls`: holds polls of ann on a sidecar whose database is the pool."""
    @contextlib.contextmanager
    def start(**options):
        config = programs.config(pool.name, db_host='127.0.0.1', db_port=pool.port, longpolling_timeout=TIMEOUT,
                                 **options)
        with programs.serving('-c', config, '-p', programs.port()) as serving:
            session = ann.clone()
            session.poll_url = serving.url
            with HeldPolls(session) as polls:
                yield polls
    return start


def ask(dsn, statement) -> list[dict]:
    """The rows that a client of pgbouncer gets, from PostgreSQL or from pgbouncer's own console."""
    with contextlib.closing(psycopg2.connect(dsn, cursor_factory=psycopg2.extras.RealDictCursor)) as connection:
        connection.autocommit = True        # the console knows no BEGIN
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return [dict(row) for row in cursor.fetchall()]


def ports(pool) -> set[int]:
    """The ports of pgbouncer's connections to PostgreSQL, which PostgreSQL knows as client_port."""
    return {server['local_port'] for server in ask(pool.dsn('pgbouncer'), 'SHOW SERVERS')}


def test_the_sidecar_reads_through_the_pool_and_listens_past_it(stack, pool, past, behind, ann, admin, sql):
    """A poll is answered, held ones are woken; only the connections that read are pgbouncer's."""
    before, channel = dict(sql(LISTENERS)), next(_channels)
    with behind(**past) as polls:
        session = polls.watcher
        assert session.poll('/who').json()['uid'] == ann.uid
        waiting, following = polls.wait(session, channel), polls.follow(session, channel)
        admin.rpc(TELLER, 'publish', [channel, ['event']])
        assert waiting.result().json() == [channel]
        assert [event['payload'] for event in following.result().json()['events']] == ['event']

        [listener] = set(sql(LISTENERS)) - set(before.items())
        read = session.poll('/read/transactions').json()
        [(reader,)] = sql(CONNECTION, (read['backend'],))
        assert reader in ports(pool)
        assert listener[1] not in ports(pool)
        assert read['read_only'] == 'on'


def test_without_the_setting_news_come_at_once_or_with_the_next_look(pool, behind, admin):
    """In transaction mode LISTEN is left to some connection of the pool: the sidecar's own look finds the news."""
    channel = next(_channels)
    with behind() as polls:
        session = polls.watcher
        waiting = polls.wait(session, channel)
        admin.rpc(TELLER, 'publish', [channel, ['event']])
        assert waiting.result(LONG).json() == [channel]
        health = session.http.get(session.poll_url + '/health', timeout=10).json()
        assert health['listening'] == {session.db: True}


def test_nothing_is_written_through_a_pool(pool, past, behind, partner, admin):
    """READ ONLY comes with each BEGIN, so it holds on whichever connection of the pool the transaction is."""
    with behind(**past) as polls:
        assert polls.watcher.poll('/who').status_code == 200
        ask(pool.dsn(pool.stack.db), "SELECT set_config('default_transaction_read_only', 'off', false)")
        for route in ('/write/write', '/write/sql', '/write/after_commit'):
            assert polls.watcher.poll(route, {'partner': partner}).status_code == 500
    assert admin.rpc('res.partner', 'read', [[partner], ['name']])[0]['name'] == 'unchanged'


def test_what_is_set_on_a_connection_reaches_others_in_transaction_mode_only(pool, past, behind):
    """pgbouncer resets a connection when its client of a session leaves, and never between transactions."""
    with behind(**past) as polls:
        assert polls.watcher.poll('/who').status_code == 200
    # The sidecar is gone: whoever comes now gets a connection that was its.
    [others] = ask(pool.dsn(pool.stack.db), 'SHOW statement_timeout')
    assert (others['statement_timeout'] == '0') == (pool.mode == 'session')


def test_the_check_says_what_to_set_where_no_notification_arrives(pool, past, programs):
    """doc/troubleshooting.rst: a pgbouncer in transaction mode is between."""
    def check(**options):
        config = programs.config(pool.name, db_host='127.0.0.1', db_port=pool.port, **options)
        return programs.server('-c', config, '-p', programs.port(), '--check')
    outcome = check()
    if pool.mode == 'transaction':
        assert outcome.status == 1
        assert (f"to do  database: In the database {pool.stack.db} no notification arrives: if db_host is a pgbouncer, "
                "set longpolling_listen_host and longpolling_listen_port to PostgreSQL itself.") in outcome.out
    else:
        assert outcome.status == 0, outcome.out
    assert check(**past).status == 0
