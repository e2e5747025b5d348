"""Head and body of an answer in one segment, which gevent's own server does not do."""

import socket
import struct

import gevent
import gevent.socket
import pytest
from gevent.pywsgi import WSGIServer

from web_longpolling.sidecar.wire.server import PollServer

# Where struct tcp_info has tcpi_data_segs_in: how many segments with data came (linux/tcp.h, Linux 4.6).
DATA_SEGMENTS_IN = 152
ANSWER = b'{"answer": 42}'


def application(environ, start_response):
    body = b'x' * 100_000 if environ['PATH_INFO'] == '/large' else ANSWER
    start_response('200 OK', [('Content-Length', str(len(body)))])
    return [body]


@pytest.fixture(params=['PollServer', 'WSGIServer'])
def server(request):
    """The sidecar's server, and gevent's own beside it."""
    listener = gevent.socket.socket()
    listener.bind(('127.0.0.1', 0))
    listener.listen()
    server = PollServer(listener, application, 100) if request.param == 'PollServer' else WSGIServer(
        listener, application, log=None)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def connection(server):
    with gevent.socket.create_connection(server.address, timeout=10) as connection:
        yield connection


def ask(connection, path='/') -> bytes:
    connection.sendall(f'GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
    answer = b''
    while b'\r\n\r\n' not in answer:
        answer += connection.recv(65536)
    head, _, body = answer.partition(b'\r\n\r\n')
    length = next(int(line.split(b':')[1]) for line in head.split(b'\r\n') if line.startswith(b'Content-Length'))
    while len(body) < length:
        body += connection.recv(65536)
    return body


def segments(connection) -> int:
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, DATA_SEGMENTS_IN + 4)
    return struct.unpack_from('I', info, DATA_SEGMENTS_IN)[0]


def test_head_and_body_leave_in_one_segment(server, connection):
    """gevent's own server needs two, so this test would notice if the sidecar's did too."""
    for _ in range(10):
        assert ask(connection) == ANSWER
    assert segments(connection) == (10 if isinstance(server, PollServer) else 20)


def test_a_large_answer_arrives_whole(server, connection):
    assert ask(connection, '/large') == b'x' * 100_000
    assert ask(connection) == ANSWER


def test_the_server_does_not_wait_for_acks(server):
    """TCP_NODELAY is set on the sidecar's side of the connection."""
    seen = []

    def look(environ, start_response):
        seen.append(environ['longpolling.socket'].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        return application(environ, start_response)

    if isinstance(server, PollServer):
        server.application = look
        with gevent.socket.create_connection(server.address, timeout=10) as connection:
            ask(connection)
        assert seen == [1]
