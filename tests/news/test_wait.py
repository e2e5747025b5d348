"""request.wait in a controller: what a page sees of a state that changes."""

import contextlib
import time

import psycopg2
import pytest

from tests.support.clients import RpcError
from tests.support.held_polls import eventually
from tests.support.pages import Page
from web_longpolling import publishing, wake_up

TELLER = 'longpolling.test.teller'
LISTENERS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'longpolling listener'"
RENAME = "UPDATE res_partner SET name = %s WHERE id = (SELECT partner_id FROM res_users WHERE login = 'ann')"


def heard(answer):
    """What /news/wait has answered."""
    response = answer.result()
    assert response.status_code == 200, response.text
    return response.json()


def test_the_first_poll_of_a_page_goes_on_at_once(ann, channel):
    """It reads what there is, and its position is older than what it reads."""
    page = Page(ann, '/news/wait', {'channels': [channel]})
    assert page.answer() == []
    assert page.position


def test_a_held_poll_is_woken_when_model_code_commits(holding, ann, admin, channel):
    """publish in any model code of the host, inside the ordinary transaction."""
    answer = holding.wait(ann, channel, f'{channel}-2')
    with pytest.raises(RpcError, match='rolled back'):
        admin.rpc(TELLER, 'publish', [channel, [None], True])
    admin.rpc(TELLER, 'publish', [f'{channel}-2', [None]])
    assert heard(answer) == [f'{channel}-2']


def test_it_is_woken_at_the_commit_and_not_before(holding, ann, transaction, channel):
    """A poll does not wake before the others can see what was written."""
    with transaction() as cr:
        answer = holding.wait(ann, channel, timeout=1.5)
        publishing.publish(cr, channel)
        assert heard(answer) == []
        answer = holding.wait(ann, channel)
    assert heard(answer) == [channel]


def test_what_was_published_between_two_polls_ends_the_second_at_once(ann, publish, channel):
    """The position travels with every poll, so nothing is lost while nobody waits."""
    page = Page(ann, '/news/wait', {'channels': [channel]})
    page.answer()
    publish(channel, None)
    begun = time.monotonic()
    assert page.answer() == [channel]
    assert time.monotonic() - begun < 10
    page.params['timeout'] = 1
    assert page.answer() == [], 'it is news only once'


def test_several_waits_of_one_poll_go_on_from_one_another(holding, ann, publish, channel):
    """What comes between two waits of a controller ends the second."""
    page = Page(ann.clone(), '/news/waits', {'channel': channel, 'number': 3})
    answer = holding.hold(page)
    publish(channel, None)
    time.sleep(2)       # longer than until the look that finds it
    publish(channel, None)
    assert answer.result().json() == [[], [channel], [channel]]


def test_the_shortest_controller_is_never_stale(ann, sql, transaction):
    """Wait, then read: two quick writes, fifty times; the page ends with what is true."""
    page = Page(ann, '/news/shortest', {'name': 'ann'})
    count = page.answer()
    for number in range(50):
        names = [f'ann{number}', 'ann'] if number % 2 else ['ann', f'ann{number}']
        for name in names:
            with transaction() as cr:
                cr.execute(RENAME, (name,))
                publishing.publish(cr, 'partners')
        seen, wanted = None, 1 if names[-1] == 'ann' else 0
        while seen != wanted:
            response = page.poll()
            assert response.status_code == 200
            seen = response.json()
    sql(RENAME, ('Ann',))
    assert count in (0, 1)


def test_a_wait_with_a_timeout_of_nothing_is_a_look(ann, publish, channel):
    page = Page(ann, '/news/wait', {'channels': [channel]})
    page.answer()
    page.params['timeout'] = 0
    assert page.answer() == []
    publish(channel, None)
    eventually(lambda: page.answer() == [channel])


def test_the_position_grows_while_nothing_happens(stack, ann, publish, channel):
    """A page that hears nothing for a day is not told that it has missed something."""
    page = Page(ann, '/news/wait', {'channels': [channel], 'timeout': 2})
    page.answer()
    before = page.position
    publish('another', *range(3))
    assert page.answer() == []
    assert page.position != before


def test_a_killed_listener_comes_back_and_nothing_is_lost(holding, ann, sql, log, publish, channel):
    """It is logged once; what is published meanwhile arrives."""
    answers = [holding.wait(ann, f'{channel}-{number}') for number in range(3)]
    [(pid,)] = sql(LISTENERS)
    sql("SELECT pg_terminate_backend(%s)", (pid,))
    for number in range(3):
        publish(f'{channel}-{number}', None)
    assert [heard(answer) for answer in answers] == [[f'{channel}-{number}'] for number in range(3)]
    [(again,)] = sql(LISTENERS)
    assert again != pid
    eventually(lambda: log().count('Listening to database') == 1)
    assert log().count('No news from database') == 1


@pytest.mark.parametrize('payload', ['', '[[1]]', '[' * 7000], ids=['empty', 'list', 'deep'])
def test_a_stranger_who_notifies_can_neither_forge_an_event_nor_stop_the_listener(
        stack, holding, ann, sql, log, publish, channel, payload):
    """Any role that may connect can send notifications: they cause a look, and nothing else."""
    answer = holding.wait(ann, channel)
    for name in ('longpolling_feed', 'longpolling_news'):
        sql("SELECT pg_notify(%s, %s)", (name, payload))
    time.sleep(0.3)
    assert not answer.done()
    publish(channel, None)
    assert heard(answer) == [channel]
    assert log() == ''


def test_a_role_without_rights_can_not_read_or_write_the_feed(stack):
    """Who merely may connect reads no events and writes none; a publish takes no lock that a stranger could hold."""
    with psycopg2.connect(stack.superuser_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE ROLE stranger")
        cursor.execute("SET ROLE stranger")
        for statement in ("SELECT * FROM longpolling_event", "INSERT INTO longpolling_event (channel) VALUES ('x')",
                          "SELECT nextval('longpolling_event_id_seq')", "UPDATE longpolling_origin SET horizon = 5",
                          "LOCK TABLE longpolling_event IN ACCESS SHARE MODE"):
            cursor.execute("SAVEPOINT one")
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(statement)
            cursor.execute("ROLLBACK TO SAVEPOINT one")
        connection.rollback()


def test_nothing_is_lost_when_postgresql_restarts(stack, holding, ann, log, transaction, channel):
    """What was committed while nobody could listen is seen all the same."""
    answer = holding.hold(Page(ann.clone(), '/news/count', {'name': channel, 'seen': 0}))
    stack.stop_postgresql()
    eventually(lambda: 'No news from database' in log())
    stack.start_postgresql()
    with transaction() as cr:       # perhaps before the sidecar listens again: then nobody hears it
        cr.execute(RENAME, (channel,))
        publishing.publish(cr, 'partners')
    response = answer.result()
    assert (response.status_code, response.text) == (200, '1')
    assert log().count('No news from database') == 1
    assert 'Traceback' not in log()


def test_the_log_is_not_filled_while_postgresql_is_down(stack, log, ann):
    """It reconnects with growing pauses, and this is logged once."""
    stack.stop_postgresql()
    try:
        eventually(lambda: 'No news from database' in log())
        assert ann.poll('/who').status_code == 503
        said = log()
        assert said.count('does not answer') == 1       # the polls have connections of their own
        assert {ann.poll('/who').status_code for _ in range(5)} == {503}
        time.sleep(3)       # in which it tries to listen several times
        assert log() == said
    finally:
        stack.start_postgresql()
    eventually(lambda: 'Listening to database' in log())
    assert ann.poll('/who').status_code == 200


def test_the_wake_up_follows_a_commit_at_once_and_flushes_nothing(stack, admin, channel):
    """One for a commit that has published, whatever it published; none after a rollback or another commit."""
    with contextlib.closing(psycopg2.connect(stack.dsn)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {wake_up.CHANNEL}")
            for payloads, fail, expected in (([1, 2, None], False, 1), ([1], True, 0), ([], False, 0)):
                try:
                    admin.rpc(TELLER, 'publish', [channel, payloads, fail])
                except RpcError:
                    assert fail
                time.sleep(0.5)
                connection.poll()
                assert len(connection.notifies) == expected, (payloads, fail)
                del connection.notifies[:]
