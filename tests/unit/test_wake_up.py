"""wake_up.py: what follows a commit that has published."""

import contextlib
import time

import pytest

from web_longpolling import wake_up
from web_longpolling.wake_up import PAUSE, WakeUps


class Connection:
    """A connection that counts what it sends; the double stands where one fails."""

    def __init__(self, fails=False):
        self.autocommit = False
        self.sent = []
        self.fails = fails

    def cursor(self):
        if self.fails:
            raise OSError("the server is gone")
        return self

    def execute(self, statement):
        self.sent.append((statement, self.autocommit))

    def close(self):
        pass


@pytest.fixture
def pooled():
    return Connection()


@pytest.fixture
def wake_ups(pooled):
    @contextlib.contextmanager
    def borrow(db):
        yield pooled
    return WakeUps(borrow)


def eventually(what):
    deadline = time.monotonic() + 5
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_the_first_goes_out_at_once_on_the_connection_that_has_committed(wake_ups, pooled):
    connection = Connection()
    wake_ups.committed('db', connection)
    assert connection.sent == [('NOTIFY longpolling_feed', True)]
    assert connection.autocommit is False
    assert pooled.sent == []


def test_those_of_the_next_moment_are_one_and_the_last_is_never_left_out(wake_ups, pooled):
    connection = Connection()
    for _ in range(50):
        wake_ups.committed('db', connection)
    eventually(lambda: pooled.sent)
    assert len(connection.sent) == 1
    time.sleep(3 * PAUSE)
    assert len(pooled.sent) == 1
    wake_ups.committed('db', connection)
    assert len(connection.sent) == 2


def test_databases_do_not_wait_for_one_another(wake_ups):
    one, other = Connection(), Connection()
    wake_ups.committed('one', one)
    wake_ups.committed('other', other)
    assert len(one.sent) == len(other.sent) == 1


def test_what_can_wait_a_moment_is_gathered_by_one_thread(wake_ups, pooled, monkeypatch):
    """It holds a connection while there is something now and then, gives it back afterwards, and begins anew."""
    monkeypatch.setattr(wake_up, 'SOON', 0.01)
    monkeypatch.setattr(wake_up, 'IN_VAIN', 3)
    connection = Connection()
    for times in (1, 2):
        for _ in range(50):
            wake_ups.committed('db', connection, soon=True)
        assert list(wake_ups._ticking) == ['db']
        eventually(lambda: not wake_ups._ticking)
        assert len(pooled.sent) == times
    assert connection.sent == []


def test_a_connection_that_breaks_is_given_back_for_another_one(pooled, monkeypatch):
    """PostgreSQL was restarted while watched tables are written all the time."""
    monkeypatch.setattr(wake_up, 'SOON', 0.01)
    connections = [Connection(fails=True), pooled]

    @contextlib.contextmanager
    def borrow(db):
        yield connections.pop(0)
    wake_ups = WakeUps(borrow)

    def told():
        wake_ups.committed('db', Connection(), soon=True)
        return pooled.sent
    eventually(told)


def test_a_wake_up_that_can_not_be_sent_disturbs_nobody(pooled):
    @contextlib.contextmanager
    def none_left(db):
        raise OSError("the pool is full")
        yield
    wake_ups = WakeUps(none_left)
    for _ in range(3):
        wake_ups.committed('db', Connection(fails=True))
        wake_ups.committed('db', Connection(fails=True), soon=True)
    time.sleep(3 * PAUSE)
    wake_up.send(Connection(fails=True))
