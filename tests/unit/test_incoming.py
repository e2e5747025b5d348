"""wire/incoming.py: what comes on a connection, taken byte by byte from real sockets."""

import select
import socket
import struct

import gevent
import pytest

from tests.support import connections
from web_longpolling.sidecar.wire import incoming
from web_longpolling.sidecar.wire.incoming import EndOfConnection, Incoming, LineTooLong


@pytest.fixture
def pair():
    """The client's socket, and the Incoming of the other end."""
    with connections.pair() as (client, server):
        yield client, Incoming(server)


def arrive(pair, data: bytes):
    """Let the client send this, and wait until it is here."""
    client, source = pair
    client.sendall(data)
    with gevent.Timeout(10):
        while len(source.socket._sock.recv(len(data), socket.MSG_PEEK)) < len(data):
            gevent.sleep(0)


def later(function, *arguments):
    """Call it when the others wait."""
    return gevent.spawn_later(0.01, function, *arguments)


# The first byte

def test_it_waits_for_the_first_byte_of_a_request(pair):
    client, source = pair
    later(client.sendall, b'G')
    assert source.wait() is True
    assert source.read(1) == b'G'


def test_a_client_that_closes_instead_sends_no_request(pair):
    client, source = pair
    later(client.close)
    assert source.wait() is False


def test_it_waits_no_longer_than_the_sockets_own_timeout(pair):
    pair[1].socket.settimeout(0.01)
    with pytest.raises(TimeoutError):
        pair[1].wait()


def test_what_was_read_ahead_is_the_next_request_and_nothing_is_waited_for(pair):
    client, source = pair
    arrive(pair, b'first\nsecond\n')
    assert source.line(10) == b'first\n'
    source.socket.settimeout(0.01)
    assert source.wait() is True
    assert source.line(10) == b'second\n'
    with pytest.raises(TimeoutError):
        source.wait()


# Lines

def test_a_line_comes_with_its_end_and_the_rest_stays():
    with connections.incoming(b'first\r\n\nthird\n') as source:
        assert [source.line(20) for _ in range(3)] == [b'first\r\n', b'\n', b'third\n']


def test_a_line_may_come_in_any_number_of_segments():
    with connections.pair() as (client, server):
        source = Incoming(connections.Dripping(server, connections.Work()))
        client.sendall(b'first\r\nsecond\r\n')
        assert [source.line(20) for _ in range(2)] == [b'first\r\n', b'second\r\n']


@pytest.mark.parametrize('together', [1, 100], ids=['dripping', 'at once'])
def test_a_line_has_as_many_bytes_as_it_may_have_and_no_more(pair, together):
    client, source = pair
    source.socket = connections.Dripping(source.socket, connections.Work(), together)
    client.sendall(b'first\n')
    assert source.line(6) == b'first\n'
    client.sendall(b'first\n')
    with pytest.raises(LineTooLong):
        source.line(5)


def test_a_line_that_is_too_long_is_refused_without_waiting_for_its_end(pair):
    arrive(pair, b'x' * 10)
    with gevent.Timeout(5), pytest.raises(LineTooLong):
        pair[1].line(10)


def test_no_more_is_read_of_a_line_than_it_may_have_and_what_is_read_ahead(monkeypatch, pair):
    monkeypatch.setattr(incoming, 'READ_AHEAD', 8)
    arrive(pair, b'x' * 100)
    with pytest.raises(LineTooLong):
        pair[1].line(10)
    assert len(pair[1].socket.recv(100)) == 100 - 16


@pytest.mark.parametrize('sent', [b'', b'half a line'])
def test_a_client_that_closes_within_a_line_has_ended_its_connection(sent):
    with connections.incoming(sent) as source, pytest.raises(EndOfConnection):
        source.line(100)


def test_a_line_that_drips_is_searched_once():
    """Each byte is looked at when it comes, and not again with each that follows it."""
    work = connections.Work()
    with connections.pair() as (client, server):
        source = Incoming(connections.Dripping(server, work))
        client.sendall(b'x' * 1000 + b'\n')
        assert len(source.line(2000)) == 1001
    assert work.seen == 1001


# Bytes

def test_exactly_as_many_bytes_are_read_as_were_asked_for():
    with connections.incoming(b'first\nabcdef') as source:
        source.line(10)
        assert (source.read(0), source.read(2), source.read(4)) == (b'', b'ab', b'cdef')


def test_nothing_is_waited_for_where_no_byte_is_wanted(pair):
    pair[1].socket.settimeout(0.01)
    assert pair[1].read(0) == b''


def test_what_is_larger_than_a_segment_is_read_whole():
    data = bytes(range(256)) * 1000
    with connections.incoming(b'a line\n' + data + b'next') as source:
        source.line(10)
        assert source.read(len(data)) == data
        assert source.read(4) == b'next'


def test_bytes_that_drip_are_each_copied_once():
    work = connections.Work()
    with connections.pair() as (client, server):
        source = Incoming(connections.Dripping(server, work))
        client.sendall(b'x' * 1000)
        assert source.read(1000) == b'x' * 1000
    assert work.copied == 0, 'they are joined at the end alone'


def test_a_client_that_closes_before_the_last_byte_has_ended_its_connection():
    with connections.incoming(b'abc') as source, pytest.raises(EndOfConnection):
        source.read(4)


# Beside a held poll

def test_looking_takes_what_has_come_and_does_not_wait(pair):
    source = pair[1]
    arrive(pair, b'GET ')
    assert source.look() is True
    arrive(pair, b'/next')
    assert source.look() is True
    source.socket.settimeout(0.01)
    assert source.read(9) == b'GET /next'


def test_looking_where_nothing_has_come_finds_the_client_still_there(pair):
    assert pair[1].look() is True


def test_the_event_loop_itself_may_look(pair):
    """gevent's own recv would wait, which is an error there."""
    found = []
    gevent.get_hub().loop.run_callback(lambda: found.append(pair[1].look()))
    gevent.sleep(0.01)
    assert found == [True]


@pytest.mark.parametrize('how', ['closed', 'closed for writing', 'reset'])
def test_looking_finds_a_client_that_has_left(pair, how):
    client, source = pair
    if how == 'closed for writing':
        client.shutdown(socket.SHUT_WR)
    else:
        if how == 'reset':
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        client.close()
    assert select.select([source.socket], [], [], 10)[0]
    assert source.look() is False


def test_a_client_may_send_some_bytes_ahead_and_no_more(monkeypatch, pair):
    monkeypatch.setattr(incoming, 'MAX_PIPELINED', 10)
    arrive(pair, b'x' * 10)
    assert pair[1].look() is True
    arrive(pair, b'x')
    assert pair[1].look() is False


def test_one_look_takes_no_more_than_a_segment(monkeypatch, pair):
    monkeypatch.setattr(incoming, 'READ_AHEAD', 4)
    arrive(pair, b'x' * 10)
    assert pair[1].look() is True
    assert len(pair[1].socket.recv(100)) == 6
