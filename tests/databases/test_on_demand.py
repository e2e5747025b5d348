"""Without -d and db_name: each database that the host serves, loaded at its first poll, forgotten when nobody polls."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg2

from tests.support.clients import visit
from tests.support.held_polls import eventually
from tests.support.pages import Page, payloads
from web_longpolling import publishing

from .conftest import KILL

TELLER = 'longpolling.test.teller'

# In which a look for databases that are gone has been, on a busy machine.
NOTICED = 40


def database_of(session, serving):
    answer = session.poll('/who', url=serving.url)
    return answer.json()['db'] if answer.status_code == 200 else answer.status_code


def loaded(serving, session) -> list[str]:
    text = session.http.get(serving.url + '/metrics', timeout=10).text
    return sorted(line.split('"')[1] for line in text.splitlines() if line.startswith('longpolling_loaded{')
                  and line.endswith(' 1.0'))


def connections(sql) -> int:
    [(number,)] = sql("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'longpolling%'")
    return number


def publish(stack, db, channel, payload):
    with contextlib.closing(psycopg2.connect(stack.postgresql.dsn(db))) as connection, connection.cursor() as cr:
        publishing.publish(cr, channel, payload)
        connection.commit()


def test_a_database_is_loaded_at_its_first_poll(on_demand, trio):
    sessions = trio[:2]
    with on_demand() as serving:
        assert sessions[0].http.get(serving.url + '/health', timeout=10).status_code == 200
        assert loaded(serving, sessions[0]) == []
        for number, session in enumerate(sessions, 1):
            assert database_of(session, serving) == session.db
            assert loaded(serving, session) == sorted(each.db for each in sessions[:number])
            assert f'The database {session.db} is served: its registry was loaded in ' in serving.log
        assert 'No database is named: ' in serving.log
        assert 'Traceback' not in serving.log


def test_what_is_published_in_each_reaches_its_own_followers(on_demand, trio, stack):
    sessions = trio[:2]
    with on_demand() as serving, ThreadPoolExecutor(2) as pool:
        pages = [Page(session, '/news/follow', {'channels': ['wall']}) for session in sessions]
        for page in pages:
            page.poll(url=serving.url)
        held = [pool.submit(page.poll, url=serving.url) for page in pages]
        for session in sessions:
            eventually(lambda session=session: session.clone().poll('/news/held', url=serving.url).json()['following'])
            publish(stack, session.db, 'wall', session.db)
        for answer, session in zip(held, sessions, strict=True):
            assert payloads(answer.result().json()) == [session.db]


def test_a_stranger_learns_nothing_and_loads_nothing(on_demand, copies, login, stack, sql, original):
    """A session of a database that is not served gets the very answer of an unknown session."""
    name, gone = copies(2)
    sql(f'CREATE DATABASE many_empty OWNER openerp TEMPLATE {original}')
    known = login(name)
    without, dropped = login('many_empty'), login(gone)
    sql("UPDATE ir_module_module SET state = 'uninstalled' WHERE name LIKE '%longpolling%'", db='many_empty')
    sql(f'DROP DATABASE {dropped.db} WITH (FORCE)')
    try:
        with on_demand() as serving:
            unknown = visit(stack)
            unknown.http.cookies.update({known.cookie[0]: 'x' * 40 if stack.host == 'openerp-7.0' else 'x' * 84})
            for route in ('/who', '/no/such/route', '/public'):
                wanted = unknown.poll(route, url=serving.url)
                assert wanted.status_code == 503        # no route is known yet
                for session in (without, dropped):
                    answer = session.poll(route, url=serving.url)
                    assert (answer.status_code, answer.text) == (wanted.status_code, wanted.text)
            assert loaded(serving, known) == []
            assert database_of(known, serving) == name
            for session in (unknown, without, dropped):
                assert session.poll('/who', url=serving.url).status_code == 401
                assert session.poll('/public', url=serving.url).status_code == 200
            assert loaded(serving, known) == [name]
            assert 'The database many_empty is not served: The module web_longpolling is not installed' in serving.log
            assert f'The database {dropped.db} is not served: ' in serving.log
            assert 'Traceback' not in serving.log
    finally:
        sql('DROP DATABASE many_empty WITH (FORCE)')


def test_the_hosts_dbfilter_counts_with_the_host_that_the_browser_asked(on_demand, trio):
    one, other = trio[:2]
    with on_demand('--db-filter', '^%d$') as serving:
        for session in (one, other):
            asked = session.poll('/who', url=serving.url, headers={
                'Host': f'{one.db}.example.com', 'Cookie': '{}={}'.format(*session.cookie)})
            assert asked.status_code == (200 if session is one else 401)
        assert loaded(serving, one) == [one.db]


def stranger(stack, db=None):
    """Somebody without a login, in whose browser the host's pages of `db` were opened."""
    visitor = visit(stack)
    visitor.http.cookies.clear()
    if db and stack.host == 'openerp-7.0':
        visitor.http.cookies['last_used_database'] = db
    elif db:
        visitor.http.get(f'{stack.url}/web/login?debug=1&db={db}', timeout=60).raise_for_status()
    return visitor


def asks(session, serving, name, route='/public'):
    """The status for somebody who opens the site of this database."""
    return session.poll(route, url=serving.url, headers={'Host': f'{name}.example.com:80'}).status_code


def test_a_public_poll_is_held_while_its_database_is_loaded(on_demand, trio, stack):
    """It is for the database that the host would show this browser: by its dbfilter, if that leaves one."""
    one, other = trio[:2]
    visitor = stranger(stack)
    with on_demand('--db-filter', '^%d$') as serving:
        for name in ('unknown', '(', '.*', '', '%d'):
            assert asks(visitor, serving, name) == 503
        assert loaded(serving, one) == []
        assert asks(visitor, serving, one.db) == 200
        assert loaded(serving, one) == [one.db]
        assert asks(visitor, serving, one.db, '/who') == 401
        assert asks(visitor, serving, one.db, '/no/such/route') == 404
        # A login that the host would not take there makes nobody.
        assert other.poll('/public', url=serving.url, headers={
            'Host': f'{one.db}.example.com', 'Cookie': '{}={}'.format(*other.cookie)}).status_code == 200
        assert loaded(serving, one) == [one.db]
        assert 'Traceback' not in serving.log


def test_a_public_poll_is_for_the_database_in_which_the_browser_is(on_demand, trio, stack):
    """As the host has noted in its visitor's session (19.0) or in a cookie (7.0), within its dbfilter."""
    one, other = trio[:2]
    with on_demand('--db-filter', f'^{one.db}$|^many_resident2$') as serving:
        assert stranger(stack).poll('/public', url=serving.url).status_code == 503
        assert stranger(stack, other.db).poll('/public', url=serving.url).status_code == 503
        assert loaded(serving, one) == []
        assert stranger(stack, one.db).poll('/public', url=serving.url).status_code == 200
        assert loaded(serving, one) == [one.db]


def test_a_ticket_has_its_database_loaded_if_it_is_good(on_demand, trio, stack):
    one, other = trio[:2]
    with on_demand() as serving:        # which deletes the tickets that have come into these copies with the original's
        assert (database_of(one, serving), database_of(other, serving)) == (one.db, other.db)
    good, revoked, users = [session.rpc(TELLER, 'ticket', [['wall'], uid, 600])[0]
                            for session, uid in ((one, False), (other, False), (other, other.uid))]
    assert other.rpc(TELLER, 'revoke', [revoked])
    elsewhere = '0' * 12 + good[12:]
    visitor = stranger(stack)
    with on_demand() as serving:
        def follow(session, token):
            return Page(session, '/news/ticket', {'token': token}).poll(url=serving.url).status_code
        for token in (revoked, elsewhere, good[:13] + 'x' * 32):
            assert follow(visitor, token) == 503       # no route is known yet
        assert loaded(serving, one) == []
        assert follow(visitor, good) == 204
        assert loaded(serving, one) == [one.db]
        for token in (revoked, elsewhere):
            assert follow(visitor, token) == 410
            assert follow(one, token) == 410
        assert loaded(serving, one) == [one.db]
        assert follow(visitor, users) == 401
        assert loaded(serving, one) == [one.db, other.db]
    with on_demand() as serving:
        assert database_of(other, serving) == other.db
        assert follow(other, good) == 204               # of another database than that of the login
        assert loaded(serving, one) == [one.db, other.db]
        assert 'Traceback' not in serving.log


def test_strangers_take_half_of_the_places_and_no_users(on_demand, trio, stack):
    one, two, three = trio
    visitor = stranger(stack)
    with on_demand('--max-databases', '3', '--db-filter', '^%d$') as serving:
        def login_at(session):
            return session.poll('/who', url=serving.url, headers={
                'Host': f'{session.db}.example.com', 'Cookie': '{}={}'.format(*session.cookie)}).json()['db']
        assert login_at(one) == one.db
        for session in (two, three, two):
            assert asks(visitor, serving, session.db) == 200
            assert loaded(serving, one) == [one.db, session.db]
        assert login_at(two) == two.db
        assert asks(visitor, serving, three.db) == 200
        assert loaded(serving, one) == [one.db, two.db, three.db]


def test_a_dbfilter_that_is_no_expression_ends_the_start(programs, stack):
    config = programs.config('bad-filter', db_name=None)
    outcome = programs.server('-c', config, '-p', programs.port(), '--db-filter', '(')
    assert outcome.status == 1
    assert outcome.err.splitlines()[-1].startswith('server.py: The dbfilter of the configuration is no regular ')


def test_databases_are_created_renamed_dropped_and_restored_without_a_restart(on_demand, copies, login, stack, sql):
    [first] = copies()
    session = login(first)
    with on_demand() as serving:
        assert database_of(session, serving) == first
        [late] = copies()                                   # duplicated, while it runs
        assert database_of(login(late), serving) == late
        for name in (first, late):
            sql(KILL, (name,))
        sql(f'ALTER DATABASE {late} RENAME TO {late}_renamed')
        assert database_of(login(f'{late}_renamed'), serving) == f'{late}_renamed'
        sql(f'DROP DATABASE {first} WITH (FORCE)')
        eventually(lambda: database_of(session, serving) == 401, NOTICED)
        assert f'The database {first} is forgotten: ' in serving.log
        sql(f'CREATE DATABASE {first} OWNER openerp TEMPLATE original')
        assert database_of(session, serving) == first       # its session is good in the copy, too
        sql(f'DROP DATABASE {late}_renamed WITH (FORCE)')
        assert 'Traceback' not in serving.log


def test_what_nobody_polls_is_forgotten(on_demand, trio):
    one, other = trio[:2]
    with on_demand(longpolling_idle='1') as serving, ThreadPoolExecutor(1) as pool:
        assert database_of(one, serving) == one.db
        held = pool.submit(other.poll, '/hold/never', url=serving.url)
        eventually(lambda: loaded(serving, one) == [other.db], NOTICED)      # which somebody does poll
        assert f'The database {one.db} is forgotten: nobody has polled it for 1 s' in serving.log
        # And its registry is freed, without a look at all objects, for which the polls would wait.
        eventually(lambda: 'A registry that was given up is freed: ' in serving.log, NOTICED)
        assert 'Registries that were given up' not in serving.log
        assert f'database="{one.db}"' not in one.http.get(serving.url + '/metrics', timeout=10).text
        assert database_of(one, serving) == one.db
        assert held.result().status_code == 204


def test_the_most_recently_used_are_kept(on_demand, trio):
    one, two, three = trio
    with on_demand('--max-databases', '2') as serving, ThreadPoolExecutor(2) as pool:
        for session in (one, two, one, three):
            assert database_of(session, serving) == session.db
        assert loaded(serving, one) == sorted([one.db, three.db])
        held = [pool.submit(session.poll, '/hold/never', url=serving.url) for session in (one, three)]
        eventually(lambda: one.clone().http.get(serving.url + '/health', timeout=10).json()['polls_held'] == 2)
        refused = two.poll('/who', url=serving.url)
        assert (refused.status_code, refused.json()['error']) == (
            503, 'This server serves 2 databases already, and all are in use; try again later.')
        assert [answer.result().status_code for answer in held] == [204, 204]
        assert database_of(two, serving) == two.db


def test_the_connections_of_all_databases_have_a_bound(on_demand, trio, sql, stack):
    sessions = trio
    before = connections(sql)
    with on_demand('--max-connections', '8', '--max-cursor', '2') as serving, ThreadPoolExecutor(3) as pool:
        for session in sessions:
            assert database_of(session, serving) == session.db
            assert connections(sql) - before <= 8
        pages = [Page(session.clone(), '/news/follow', {'channels': ['wall']}) for session in sessions]
        for page in pages[:2]:
            page.poll(url=serving.url)
        held = [pool.submit(page.poll, url=serving.url) for page in pages[:2]]
        eventually(lambda: sessions[0].http.get(serving.url + '/health', timeout=10).json()['polls_held'] == 2)
        refused = sessions[2].poll('/who', url=serving.url)
        assert refused.status_code == 503
        assert refused.json()['error'].startswith('The connections to PostgreSQL that this server may have ')
        for session in sessions[:2]:
            assert database_of(session.clone(), serving) == session.db
            publish(stack, session.db, 'wall', 1)
        assert [payloads(answer.result().json()) for answer in held] == [[1], [1]]
        assert connections(sql) - before <= 8
        assert database_of(sessions[2], serving) == sessions[2].db


def test_a_database_without_followers_has_no_listener(on_demand, trio, sql):
    session = trio[0]
    with on_demand() as serving:
        assert database_of(session, serving) == session.db
        assert sql("SELECT count(*) FROM pg_stat_activity WHERE datname = %s "
                   "AND application_name = 'longpolling listener'", (session.db,)) == [(0,)]
        health = session.http.get(serving.url + '/health', timeout=10)
        assert (health.status_code, health.json()['listening']) == (200, {session.db: False})


def test_polls_of_the_others_go_on_while_one_is_loaded(on_demand, trio, stack):
    """Its own polls are held meanwhile, and answered then."""
    one, slow = trio[:2]
    with on_demand() as serving, ThreadPoolExecutor(5) as pool, \
            contextlib.closing(psycopg2.connect(stack.postgresql.dsn(slow.db))) as blocker:
        assert database_of(one, serving) == one.db
        with blocker.cursor() as cursor:
            cursor.execute('LOCK TABLE ir_model IN ACCESS EXCLUSIVE MODE')      # its loading waits for this
        held = [pool.submit(slow.clone().poll, '/who', url=serving.url) for _ in range(5)]
        until = time.monotonic() + 3
        while time.monotonic() < until:
            assert database_of(one, serving) == one.db
        assert not any(answer.done() for answer in held)
        blocker.rollback()
        assert [answer.result().json()['db'] for answer in held] == [slow.db] * 5
        assert serving.log.count(f'The database {slow.db} is served: ') == 1


def test_too_few_connections_end_the_start(programs, stack):
    outcome = programs.server('-c', stack.config, '-p', programs.port(), '--max-connections', '10')
    assert outcome.status == 1
    assert outcome.err.splitlines()[-1] == (
        'server.py: --max-connections 10 is too few: 13 is enough, with --max-cursor 8.')


def test_a_stop_does_not_wait_for_a_registry_that_is_being_loaded(on_demand, trio, stack, sql):
    """Polls that wait for it are sent elsewhere, as all are."""
    slow = trio[0]
    with on_demand() as serving, ThreadPoolExecutor(1) as pool, \
            contextlib.closing(psycopg2.connect(stack.postgresql.dsn(slow.db))) as blocker:
        with blocker.cursor() as cursor:
            cursor.execute('LOCK TABLE ir_model IN ACCESS EXCLUSIVE MODE')
        held = pool.submit(slow.poll, '/who', url=serving.url)
        eventually(lambda: sql("SELECT 1 FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'",
                               (slow.db,)))
        status, seconds = serving.stop(seconds=40)
        assert (status, held.result().status_code, held.result().headers['X-Longpolling']) == (0, 503, 'stopping')
        assert 'broken off' not in serving.log
