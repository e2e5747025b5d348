"""A small answer leaves in one segment, with TCP_NODELAY: otherwise every poll costs a client 40 ms of delayed ACK."""

import contextlib
import socket
import struct
import time

import pytest

POLLS = 100
# Seconds for which Linux delays an ACK at least (TCP_DELACK_MIN).
DELAYED_ACK = 0.04
# Where struct tcp_info has tcpi_data_segs_in: how many segments with data came (linux/tcp.h, Linux 4.6).
DATA_SEGMENTS_IN = 152


@pytest.fixture
def connection(stack):
    """A connection to the sidecar itself: nginx would cut its answers anew."""
    with contextlib.closing(socket.create_connection(('127.0.0.1', stack.sidecars[0].port), timeout=10)) as connection:
        yield connection


def request(stack, session, route) -> bytes:
    name, value = session.cookie
    query = f'?session_id={session.session_id}' if session.session_id else ''
    return (f'GET {stack.path}{route}{query} HTTP/1.1\r\nHost: localhost\r\nCookie: {name}={value}\r\n\r\n').encode()


def segments(connection) -> int:
    """How many segments with data have come on this connection."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, DATA_SEGMENTS_IN + 4)
    return struct.unpack_from('I', info, DATA_SEGMENTS_IN)[0]


def test_head_and_body_of_an_answer_are_one_segment(stack, ann, connection):
    """A hundred polls of a keep-alive connection: as many segments, each with head and body."""
    poll = request(stack, ann, '/mainroute')
    for number in range(1, POLLS + 1):
        connection.sendall(poll)
        answer = connection.recv(65536)
        assert answer.startswith(b'HTTP/1.1 200 OK\r\n') and answer.endswith(b'\r\n\r\n{"var1": null, "var2": null}')
        assert segments(connection) == number


def test_an_answer_does_not_wait_for_an_ack(stack, ann, connection):
    """Two polls sent together by a client that delays its ACKs: the second answer follows the first at once.

    If it waited for the ACK it would do so every time; a busy machine is late only now and then.
    """
    polls = request(stack, ann, '/mainroute') * 2
    times = []
    for _ in range(POLLS // 5):
        begun = time.monotonic()
        connection.sendall(polls)
        answers = b''
        while answers.count(b'HTTP/1.1 200 OK') < 2 or not answers.endswith(b'}'):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            answers += connection.recv(65536)
        times.append(time.monotonic() - begun)
    assert min(times) < DELAYED_ACK, times
