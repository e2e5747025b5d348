"""A database that was restored, copied or promoted: no event comes again silently, and none is lost silently."""

import contextlib
import re
import subprocess

import psycopg2
import pytest

from sandbox.run.process import base_environment
from tests.support.clients import visit
from tests.support.feed_tables import FIRST_DESIGN, SHAPE
from tests.support.held_polls import eventually
from tests.support.pages import Page, following, payloads
from web_longpolling import publishing, schema
from web_longpolling.positions import Position, Snapshot, decode, encode

# Seconds in which the sidecar has loaded a registry again, on a busy machine.
BACK = 60


@pytest.fixture
def dump(stack, tmp_path):
    """`dump(*options)`: a dump of the database, as an administrator makes it; a function that restores it."""
    environment = {**base_environment(stack.folder), 'PGPASSWORD': stack.postgresql.password}
    folder, file = stack.tools.postgres_bin, tmp_path / 'dump'

    def make(*options):
        subprocess.run([folder / 'pg_dump', '-Fc', '-Z0', '-f', file, *options, stack.dsn], env=environment, check=True)

        def restore(db, *options):
            subprocess.run([folder / 'pg_restore', '--exit-on-error', '-d', stack.postgresql.dsn(db), *options, file],
                           env=environment, check=True)
        return restore
    return make


def execute(dsn, *statements):
    with contextlib.closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cr:
        for statement in statements:
            cr.execute(statement)
        connection.commit()


def missed(page) -> dict:
    """The answer that says that events are missing; until it comes, the sidecar may be loading."""
    answers = []

    def has_come():
        response = page.poll()
        assert response.status_code in (200, 503), response.text
        if response.status_code == 200:
            answers.append(response.json())
        return answers
    eventually(has_come, BACK, 0.2)
    return answers[0]


def test_tables_restored_under_a_running_sidecar_are_noticed(stack, ann, admin, holding, publish, channel, dump, log):
    """pg_restore --clean puts an older feed in the place of the one that is followed."""
    publish(channel, 'in the dump')
    restore = dump('-t', 'longpolling_*')
    page, other = following(ann, channel), following(ann, f'{channel}-2')
    publish(channel, 'after the dump')
    assert page.payloads() == ['after the dump']
    held = holding.hold(page)
    restore(stack.db, '--clean')
    answer = held.result()
    if answer.status_code == 503:
        answer = missed(page)
    else:
        answer = answer.json()
    assert (answer['events'], answer['missed']) == ([], True)
    assert missed(other)['missed'] is True
    publish(channel, 'new')
    assert page.payloads() == ['new']
    assert 'Traceback' not in log()


@pytest.fixture
def copy(stack, programs, dump):
    """`with copy(statement…) as (sidecar, session)`: a restored copy of the database, after some SQL, that is served.

    Its feed says that it is the original's.
    """
    @contextlib.contextmanager
    def made(how, *statements):
        name = 'copied' + how
        if how == 'template':
            stack.stop_sidecar()
            stack.stop_host()
            with contextlib.closing(psycopg2.connect(stack.postgresql.dsn('postgres', 'postgres'))) as connection:
                connection.autocommit = True
                connection.cursor().execute(f'CREATE DATABASE {name} TEMPLATE {stack.db}')
            stack.start_host()
            stack.start_sidecar()
        else:
            stack.postgresql.create_database(name)
            dump()(name)
        execute(stack.postgresql.dsn(name), *statements)
        with programs.serving('-c', stack.config, '-d', name, '-p', programs.port()) as serving:
            session = visit(stack)
            session.db, session.poll_url = name, serving.url
            session.login(stack.login, stack.password)
            yield serving, session, stack.postgresql.dsn(name)
    return made


@pytest.mark.parametrize('how', ['template', 'restored'])
def test_a_copy_repeats_nothing_and_takes_no_position_of_the_original(stack, ann, publish, channel, copy, how):
    """Its events are the original's, and some of them have numbers that its own transactions come to."""
    publish(channel, 'old')
    position = following(ann, channel).position
    with copy(how, "UPDATE longpolling_event SET txid = txid_current() + 5 + id % 100") as (_, session, dsn):
        page = Page(session, '/news/follow', {'channels': [channel]}, position)
        answer = page.answer()
        assert (answer['events'], answer['missed']) == ([], True)
        for number in range(120):
            with contextlib.closing(psycopg2.connect(dsn)) as connection:
                publishing.publish(connection.cursor(), channel, number)
                connection.commit()
        found = []
        while len(found) < 120:
            answer = page.answer()
            assert 'missed' not in answer
            found += payloads(answer)
        assert found == list(range(120))


def test_a_promoted_standby_has_another_timeline(host, up, channel):
    """What had been committed on the server before it may be lost there: whoever follows reads its state anew."""
    with up(host, options={'longpolling_timeout': '40'}) as stack:
        admin = visit(stack, stack.login, stack.password)
        page = following(admin, channel)
        place = stack.postgresql.place
        with (place / 'postgresql.conf').open('a') as configuration:
            configuration.write("wal_level = replica\nrestore_command = 'false'\n")
        stack.restart_postgresql()
        execute(stack.dsn, "CREATE TABLE anything ()")
        stack.stop_postgresql()
        signal = place / 'recovery.signal'
        subprocess.run(['cp', '-p', '--preserve=all', place / 'PG_VERSION', signal], check=True)
        stack.start_postgresql()
        eventually(lambda: not signal.exists())
        assert missed(page)['missed'] is True
        with contextlib.closing(psycopg2.connect(stack.dsn)) as connection:
            publishing.publish(connection.cursor(), channel, 'new')
            connection.commit()
        assert page.payloads() == ['new']


def test_a_position_of_the_future_is_answered_with_missed(ann, publish, channel):
    """As after the whole server was set back to an older state of its disk: nobody waits until its count is there."""
    page = following(ann, channel)
    origin, position = decode(page.position)
    page.position = encode(origin, Position(Snapshot(position.snapshot.xmax + 10 ** 6, frozenset())))
    answer = page.answer()
    assert (answer['events'], answer['missed']) == ([], True)
    publish(channel, 'new')
    assert page.payloads() == ['new']


BROKEN = {
    'an index': "DROP INDEX longpolling_event_channel",
    'the key of before': "ALTER TABLE longpolling_event DROP CONSTRAINT longpolling_event_pkey, ADD PRIMARY KEY (id); "
                         "CREATE INDEX longpolling_event_txid ON longpolling_event (txid)",
    'the marks': "DROP TABLE longpolling_mark",
    'the identity': "DROP TABLE longpolling_origin",
    'the key': "ALTER TABLE longpolling_event DROP CONSTRAINT longpolling_event_pkey",
    'the default of the ids': "ALTER TABLE longpolling_event ALTER COLUMN id DROP DEFAULT; "
                              "DROP SEQUENCE longpolling_event_id_seq",
    'a default': "ALTER TABLE longpolling_event ALTER COLUMN txid DROP DEFAULT",
    'the purged': "DROP TABLE longpolling_purged",
}


@pytest.mark.parametrize('broken', [FIRST_DESIGN, *BROKEN.values()], ids=['the first design', *BROKEN])
def test_an_update_of_the_module_makes_good_what_is_missing(stack, broken):
    """It brings a table of the first design to the new shape, and repairs what a half-failed restore has left out."""
    with contextlib.closing(psycopg2.connect(stack.dsn)) as connection, connection.cursor() as cr:
        cr.execute(SHAPE)
        shape = set(cr.fetchall())
        cr.execute(broken)
        cr.execute(SHAPE)
        assert set(cr.fetchall()) != shape
        schema.create(cr)
        cr.execute(SHAPE)
        assert set(cr.fetchall()) == shape
        publishing.publish(cr, 'anything', 1)
        schema.create(cr)       # a second time, on the table in use
        assert schema.purge(cr, 86400) == 0
        connection.rollback()


def test_the_log_says_what_to_do_when_the_tables_are_not_complete(stack, programs, dump):
    """A sidecar that finds half of a feed does not serve the database, and names the command that mends it."""
    stack.postgresql.create_database('incomplete')
    dump()('incomplete')
    execute(stack.postgresql.dsn('incomplete'), "DROP TABLE longpolling_origin")
    outcome = programs.server('-c', stack.config, '-d', 'incomplete', '-p', programs.port())
    assert outcome.status == 1
    assert re.search(r"needs 'oe -d incomplete -u web_longpolling'", outcome.err.splitlines()[-1])
