"""database/sessions.py: who asks together is asked for together, and nobody waits for ever; the host is a double."""

import contextlib

import gevent
import pytest

from web_longpolling import host
from web_longpolling.errors import DatabaseUnavailable, Unavailable
from web_longpolling.sidecar.database.sessions import BATCH, Sessions
from web_longpolling.sidecar.loop.deadline import PollTimeout


class Cursor:
    def rollback(self):
        gevent.sleep(0)


class Database:
    """A database that lends its cursors when it is told to, and the host that looks into it.

    asked       the keys of each statement
    checked     the users whose password was checked
    """

    name = 'database'

    def __init__(self):
        self.open = gevent.event.Event()
        self.open.set()
        self.asked, self.checked = [], []
        self.good = {}          # by key; True is what is not there
        self.error = None

    def up_to_date(self, read):
        self.open.wait()
        return read(Cursor())

    def check_signaling_on(self, cr, came):
        gevent.sleep(0)
        if self.error:
            raise self.error

    @contextlib.contextmanager
    def writable_cursor(self):
        yield Cursor()

    # The adapter

    def later_session(self, key):
        if key == 'unreadable':
            raise Unavailable('shortage')
        return None if key == 'gone' else host.Session('database', len(key), {}, 'secret', key)

    def prove(self, cr, sessions):
        self.asked.append([session.key for session in sessions])
        gevent.sleep(0)
        return [self.good.get(session.key, True) for session in sessions]

    def verify(self, cr, session):
        self.checked.append(session.uid)
        gevent.sleep(0.01)
        return True


@pytest.fixture
def database(monkeypatch):
    database = Database()
    monkeypatch.setattr(host, '_adapter', database)
    return database


@pytest.fixture
def sessions(database):
    return Sessions(database, 1)


def look(sessions, *keys):
    """What comes of looks at the same time: the key of the Session, None, or an exception."""
    def one(key):
        try:
            found = sessions.look(key, len(key))
        except Exception as error:      # noqa: BLE001  it is what is looked at
            return error
        return found and found.key
    polls = [gevent.spawn(one, key) for key in keys]
    gevent.joinall(polls, timeout=5)
    return [poll.get(block=False) for poll in polls]


def test_all_who_ask_at_the_same_time_are_in_one_statement(sessions, database):
    keys = [f'key{number}' for number in range(BATCH)]
    assert look(sessions, *keys, *keys) == keys * 2
    assert [sorted(asked) for asked in database.asked] == [sorted(keys)]


def test_a_statement_is_bounded(sessions, database):
    keys = [f'key{number}' for number in range(3 * BATCH)]
    assert look(sessions, *keys) == keys
    assert [len(asked) for asked in database.asked] == [BATCH] * 3


def test_who_asks_while_a_statement_runs_is_in_the_next(sessions, database):
    first = gevent.spawn(look, sessions, 'first')
    while not database.asked:
        gevent.sleep(0)
    assert look(sessions, 'first') == ['first']
    assert first.get() == ['first']
    assert database.asked == [['first'], ['first']]


def test_each_has_an_outcome_of_his_own(sessions, database):
    wrong = ValueError('of one session')
    database.good.update(bad=False, wrong=wrong)
    found = look(sessions, 'good', 'bad', 'gone', 'wrong', 'unreadable')
    assert found[:4] == ['good', None, None, wrong]
    assert isinstance(found[4], Unavailable)


def test_a_database_that_does_not_answer_is_told_to_all_and_asked_again(sessions, database):
    database.error = DatabaseUnavailable('down')
    assert look(sessions, 'one', 'two') == [database.error] * 2
    database.error = None
    assert look(sessions, 'one', 'two') == ['one', 'two']


def test_an_error_that_is_told_to_thousands_does_not_keep_all_their_stacks(sessions, database):
    database.error = DatabaseUnavailable('down')
    look(sessions, *[f'key{number}' for number in range(BATCH)])
    length, traceback = 0, database.error.__traceback__
    while traceback:
        length, traceback = length + 1, traceback.tb_next
    assert length < 20


def test_a_password_is_checked_once_for_all_sessions_of_a_login(sessions, database):
    database.good.update(one=None, two=None, three=None)
    assert look(sessions, 'one', 'two', 'one', 'three') == ['one', 'two', 'one', 'three']
    assert sorted(database.checked) == [3, 5]


def test_a_poll_that_ends_while_it_checks_leaves_that_to_another(sessions, database):
    database.good.update(one=None)
    first = gevent.spawn(look, sessions, 'one')
    polls = [gevent.spawn(sessions.look, 'one', 3) for _ in range(3)]
    while not database.checked:
        gevent.sleep(0)
    polls[0].kill()
    gevent.joinall([first, *polls], timeout=5)
    assert [poll.get(block=False) and 'good' for poll in polls[1:]]
    assert all(poll.dead for poll in polls)


def test_a_poll_that_ends_while_it_waits_could_not_look(sessions, database):
    database.open.clear()
    with pytest.raises(PollTimeout) as end, PollTimeout(0.01):
        sessions.look('one', 3)
    assert isinstance(end.value.cause, Unavailable)


def test_who_leaves_leaves_the_queue_for_a_cursor(sessions, database):
    database.open.clear()
    poll = gevent.spawn(sessions.look, 'one', 3)
    gevent.sleep(0.01)
    runner = sessions._runner
    poll.kill()
    gevent.sleep(0.01)
    assert runner.dead
    database.open.set()
    assert look(sessions, 'two') == ['two']
    assert database.asked == [['two']]


def test_a_greenlet_that_is_ended_is_followed_by_another(sessions, database):
    """Nobody waits for a statement that nobody sends."""
    poll = gevent.spawn(look, sessions, 'one')
    while not database.asked:
        gevent.sleep(0)
    sessions._runner.kill()
    poll.join(5)
    assert poll.get(block=False) == ['one']
