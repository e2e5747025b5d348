"""wire/disconnect.py: a client that closes its connection ends its poll at once."""

import socket
import struct

import gevent
import gevent.socket
import pytest

from web_longpolling.sidecar.wire.disconnect import ClientDisconnected, EndsPoll
from web_longpolling.sidecar.wire.incoming import MAX_PIPELINED, Incoming


@pytest.fixture
def pair():
    """A client's end of a TCP connection and the sidecar's."""
    with gevent.socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        listener.listen()
        with gevent.socket.create_connection(listener.getsockname()) as client:
            server, _ = listener.accept()
            with server:
                yield client, Incoming(server)


@pytest.fixture
def held(pair):
    """A poll that is held on the connection; `ends` has what ended it, and whether it went on."""
    ends = []

    def poll():
        try:
            with EndsPoll(pair[1]):
                gevent.sleep(30)
            ends.append('went on')
        except BaseException as end:
            ends.append(type(end))
            raise
    greenlet = gevent.spawn(poll)
    gevent.sleep(0.01)
    yield greenlet, ends
    greenlet.kill()


@pytest.mark.parametrize('how', ['closed', 'closed for writing', 'reset'])
def test_a_client_that_leaves_ends_its_poll(pair, held, how):
    client, (greenlet, ends) = pair[0], held
    if how == 'closed for writing':
        client.shutdown(socket.SHUT_WR)
    else:
        if how == 'reset':
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        client.close()
    greenlet.join(5)
    assert ends == [ClientDisconnected]


def test_nothing_is_logged_of_it(pair, held, capfd):
    pair[0].close()
    held[0].join(5)
    assert held[0].successful() and capfd.readouterr().err == ''


def test_the_next_request_of_the_client_ends_nothing_and_can_be_read(pair, held):
    client, (greenlet, ends) = pair[0], held
    client.sendall(b'GET /next')
    gevent.sleep(0.05)
    assert not ends and not greenlet.dead
    assert pair[1].read(9) == b'GET /next'


def test_a_client_that_leaves_after_its_next_request_ends_its_poll_too(pair, held):
    client, (greenlet, ends) = pair[0], held
    client.sendall(b'GET /next')
    gevent.sleep(0.05)
    client.close()
    greenlet.join(5)
    assert ends == [ClientDisconnected]


def test_a_client_may_not_send_any_number_of_further_requests(pair, held):
    client, (greenlet, ends) = pair[0], held
    client.sendall(b'x' * (MAX_PIPELINED + 1))
    greenlet.join(5)
    assert ends == [ClientDisconnected]


def test_a_client_that_leaves_after_the_block_ends_nothing(pair):
    with EndsPoll(pair[1]):
        gevent.sleep(0)
    pair[0].close()
    gevent.sleep(0.05)
