"""wire/server.py: the sidecar's HTTP server, beside gevent's own where they differ."""

import gc
import socket
import struct

import gevent
import gevent.event
import gevent.socket
import pytest
from gevent.pywsgi import WSGIServer

from web_longpolling.sidecar.wire import server as server_module
from web_longpolling.sidecar.wire.server import PollHandler, PollServer

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


# What the sidecar's server alone does

@pytest.fixture
def start():
    """Starts a PollServer with an application."""
    servers = []

    def begin(application, most_connections=100):
        listener = gevent.socket.socket()
        listener.bind(('127.0.0.1', 0))
        listener.listen()
        servers.append(PollServer(listener, application, most_connections))
        servers[-1].start()
        return servers[-1]
    yield begin
    for server in servers:
        server.stop(timeout=0)


def exchange(server, sent: bytes) -> bytes:
    """All that the server sends for these bytes, until it closes the connection."""
    with gevent.socket.create_connection(server.address, timeout=10) as connection:
        connection.sendall(sent)
        answer = b''
        while data := connection.recv(65536):
            answer += data
        return answer


@pytest.mark.parametrize('headers', [b'X-Large: ' + b'x' * 100_000 + b'\r\n', b'X-Line: 1\r\n' * 1000],
                         ids=['too large', 'too many lines'])
def test_a_head_without_measure_gets_431_and_reaches_no_controller(start, headers):
    reached = []

    def never(environ, start_response):
        reached.append(environ)
        return application(environ, start_response)
    answer = exchange(start(never), b'GET / HTTP/1.1\r\nHost: localhost\r\n' + headers + b'\r\n')
    assert answer.startswith(b'HTTP/1.1 431 ') and b'\r\nConnection: close\r\n' in answer
    assert not reached


def test_a_head_of_an_ordinary_size_is_taken(start):
    answer = exchange(start(application), b'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: a='
                      + b'x' * 30_000 + b'\r\n\r\n')
    assert answer.startswith(b'HTTP/1.1 200 ') and answer.endswith(ANSWER)


def hold(release):
    """An application that answers when `release` is set."""
    def held(environ, start_response):
        release.wait()
        return application(environ, start_response)
    return held


def settle(condition):
    """Wait until it is true, for ten seconds at most."""
    with gevent.Timeout(10):
        while not condition():
            gevent.sleep(0.01)


def test_it_counts_what_is_being_answered(start):
    release = gevent.event.Event()
    server = start(hold(release))
    polls = [gevent.spawn(exchange, server, b'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
             for _ in range(3)]
    settle(lambda: server.responding == 3)
    release.set()
    gevent.joinall(polls, timeout=10, raise_error=True)
    settle(lambda: server.responding == 0)


def test_more_connections_than_it_may_have_wait_in_the_queue_of_the_kernel(start):
    release = gevent.event.Event()
    server = start(hold(release), most_connections=2)
    polls = [gevent.spawn(exchange, server, b'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
             for _ in range(5)]
    settle(lambda: server.responding == 2)
    gevent.sleep(0.05)
    assert server.responding == 2
    release.set()
    gevent.joinall(polls, timeout=10, raise_error=True)
    assert [poll.value[-len(ANSWER):] for poll in polls] == [ANSWER] * 5


def test_finishing_sends_what_is_being_answered_and_accepts_nothing_new(start):
    release = gevent.event.Event()
    server = start(hold(release))
    poll = gevent.spawn(exchange, server, b'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    settle(lambda: server.responding == 1)
    address, ending = server.address, gevent.spawn(server.finish, 10)
    gevent.sleep(0.05)
    assert not ending.dead
    with pytest.raises(ConnectionRefusedError):
        gevent.socket.create_connection(address, timeout=10)
    release.set()
    assert poll.get(timeout=10).endswith(ANSWER)
    ending.join(10)
    assert ending.successful()


def test_finishing_ends_in_time_whatever_is_being_answered(start):
    server = start(hold(gevent.event.Event()))
    poll = gevent.spawn(exchange, server, b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    settle(lambda: server.responding == 1)
    with gevent.Timeout(10):
        server.finish(0.1)
    assert ANSWER not in poll.get(timeout=10)       # its connection was closed


# The time that a request has

@pytest.fixture
def hurried(start, monkeypatch):
    """Starts a server for which some of its times, by their names, are 0.05 seconds long."""
    def begin(*names):
        for name in names:
            monkeypatch.setattr(server_module, name, 0.05)
        return start(application)
    return begin


@pytest.mark.parametrize('name, sent', [
    ('HEAD_TIME', b'G'), ('HEAD_TIME', b'GET / HTTP/1.1\r\nHost: x\r\n'),
    ('BODY_TIME', b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1234'),
    ('BODY_TIME', b'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n1234')])
def test_a_request_that_does_not_arrive_in_its_time_gets_408_and_the_connection_is_closed(hurried, name, sent):
    answer = exchange(hurried(name, 'LINGER_TIME'), sent)
    assert answer.startswith(b'HTTP/1.1 408 ') and b'\r\nConnection: close\r\n' in answer
    assert (b'The head' if name == 'HEAD_TIME' else b'The body') in answer


@pytest.mark.parametrize('sent', [b'', b'GET / HTTP/1.1\r\nHost: x\r\n\r\n'], ids=['before', 'between'])
def test_a_connection_that_is_idle_is_closed_without_a_word(hurried, sent):
    assert exchange(hurried('IDLE_TIME'), sent).endswith(ANSWER if sent else b'')


def test_the_time_of_a_head_begins_with_its_first_byte(hurried):
    with gevent.socket.create_connection(hurried('HEAD_TIME').address, timeout=10) as connection:
        gevent.sleep(0.15)
        assert ask(connection) == ANSWER


def test_a_handler_keeps_few_attributes_in_its_dict(start):
    """On Python 2.7 a dict of more than 21 entries has room for 85, in 3 KB, and each held request has a handler."""
    entries = []

    def look(environ, start_response):
        [handler] = [each for each in gc.get_objects() if type(each) is PollHandler and each.environ is environ]
        entries.append(len(handler.__dict__))
        return application(environ, start_response)

    with gevent.socket.create_connection(start(look).address, timeout=10) as connection:
        for _ in range(3):
            ask(connection)
    assert len(entries) == 3 and max(entries) <= 21
