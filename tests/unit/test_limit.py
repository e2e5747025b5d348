"""database/limit.py: connections of all databases together; they are doubles."""

import contextlib

import gevent
import pytest

from web_longpolling.errors import Unavailable
from web_longpolling.sidecar.database.limit import ConnectionLimit
from web_longpolling.sidecar.loop.deadline import PollTimeout


class Connection:
    closed = False

    def close(self):
        self.closed = True


class Pool:
    """The idle connections of a database."""

    def __init__(self):
        self.idle = []

    @property
    def idle_since(self):
        return self.idle[0][0] if self.idle else None

    def close_oldest(self):
        self.idle.pop(0)[1].close()


class Listener:
    def __init__(self, connection, needed):
        self.connection = connection
        self.needed = needed

    @property
    def connected(self):
        return not self.connection.closed

    def stop(self):
        gevent.spawn_later(0.01, self.connection.close)


def opened(limit) -> Connection:
    connection = Connection()
    with limit.room() as open_one:
        open_one(connection)
    return connection


def test_without_a_limit_nobody_waits():
    limit = ConnectionLimit()
    assert len([opened(limit) for _ in range(100)]) == limit.used == 100


def test_who_comes_when_there_is_no_room_waits_until_one_is_closed():
    limit = ConnectionLimit(2)
    first, _ = opened(limit), opened(limit)
    waiting = gevent.spawn(opened, limit)
    gevent.sleep(0.1)
    assert not waiting.ready() and limit.used == 2
    first.close()
    assert waiting.get(timeout=5) and limit.used == 2


def test_they_wait_in_the_order_in_which_they_came():
    limit, order = ConnectionLimit(1), []
    held = opened(limit)

    def come(number):
        with contextlib.closing(opened(limit)):
            order.append(number)

    waiting = [gevent.spawn(come, number) for number in range(5)]
    gevent.sleep(0.05)
    held.close()
    gevent.joinall(waiting, timeout=10)
    assert order == list(range(5))


def test_the_oldest_idle_connection_makes_room_first():
    limit = ConnectionLimit(3)
    pools = [Pool(), Pool()]
    limit.pools.extend(pools)
    connections = [opened(limit) for _ in range(3)]
    pools[0].idle = [(2.0, connections[0])]
    pools[1].idle = [(1.0, connections[1]), (3.0, connections[2])]
    opened(limit)
    assert [connection.closed for connection in connections] == [False, True, False]


def test_then_a_listener_that_nobody_waits_for():
    limit = ConnectionLimit(2)
    connections = [opened(limit), opened(limit)]
    limit.listeners.extend([Listener(connections[0], needed=True), Listener(connections[1], needed=False)])
    assert opened(limit)
    assert [connection.closed for connection in connections] == [False, True]


def test_a_poll_that_ends_meanwhile_ends_with_one_sentence():
    limit = ConnectionLimit(1)
    held = opened(limit)
    with pytest.raises(PollTimeout) as end, PollTimeout(0.05):
        opened(limit)
    assert isinstance(end.value.cause, Unavailable)
    assert str(end.value.cause).startswith('All connections to PostgreSQL that this server may have are in use')
    held.close()
    assert opened(limit)        # and nobody is in its way


def test_what_could_not_be_opened_takes_no_room():
    limit = ConnectionLimit(1)
    with pytest.raises(ValueError, match='no'), limit.room():
        raise ValueError('no')
    assert limit.used == 0
