"""HTTP as RFC 9112 says, where a lax reader would let two servers take one request for two: past nginx."""

import contextlib
import json
import socket
import time

import pytest

from . import wire
from .wire import PUBLIC, answer, body, head, headers, status

JSON = b'{"a": 1}'


def post(*lines, data=JSON):
    return head(*lines, method='POST') + data


MALFORMED = {
    'two lengths': post('Content-Length: 8', 'Content-Length: 7'),
    'two lengths in one line': post('Content-Length: 8, 7'),
    'a length with a plus': post('Content-Length: +8'),
    'a length with an underscore': post('Content-Length: 0_8'),
    'a length with a space in it': post('Content-Length: 8 8'),
    'an empty length': post('Content-Length:'),
    'a length in other digits': post('Content-Length: \xb2'),
    'gzip, chunked': post('Transfer-Encoding: gzip, chunked', data=b'0\r\n\r\n'),
    'chunked, gzip': post('Transfer-Encoding: chunked, gzip', data=b'0\r\n\r\n'),
    'chunked twice': post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked', data=b'0\r\n\r\n'),
    'chunked with a vertical tab': post('Transfer-Encoding: \x0bchunked', data=b'0\r\n\r\n'),
    'both a length and chunks': post('Content-Length: 8', 'Transfer-Encoding: chunked', data=b'8\r\n' + JSON + b'\r\n'),
    'chunks in HTTP/1.0': post('Transfer-Encoding: chunked', data=b'0\r\n\r\n').replace(b'HTTP/1.1', b'HTTP/1.0'),
    'a bare CR in a value': head('X-Odd: a\rb'),
    'a bare CR after the line': head('X-Odd: a\r'),
    'a bare CR in the request line': head().replace(b' HTTP', b'\r HTTP'),
    'lines that end with LF alone': head('X: y').replace(b'\r\n', b'\n'),
    'a space before the colon': head('X-Odd : a'),
    'a tab before the colon': head('X-Odd\t: a'),
    'a line that goes on': head('X-Odd: a', ' b'),
    'a first line that goes on': head().replace(b'\r\nHost', b'\r\n Host'),
    'a line without a colon': head('X-Odd'),
    'a name that is none': head('X(Odd): a'),
    'a name outside of ASCII': head('X\xe4: a'),
    'an empty name': head(': a'),
    'NUL in a value': head('X-Odd: a\0b'),
    'NUL in a name': head('X\0: a'),
    'NUL in the path': head(path=PUBLIC + '\0'),
    'NUL in the path, escaped': head(path=PUBLIC + '%00'),
    'no Host': head().replace(b'Host: localhost\r\n', b''),
    'two Hosts': head('Host: other'),
    'a Host with a path': head().replace(b'localhost', b'localhost/x'),
    'two spaces in the request line': head().replace(b' HTTP', b'  HTTP'),
    'a tab in the request line': head().replace(b' HTTP', b'\tHTTP'),
    'HTTP/0.9': f'GET {PUBLIC}\r\n\r\n'.encode(),
    'a version that is none': head().replace(b'HTTP/1.1', b'HTTP/1.+1'),
    'no method': head().replace(b'GET', b'', 1),
    'a chunk size with a plus': post('Transfer-Encoding: chunked', data=b'+8\r\n' + JSON + b'\r\n0\r\n\r\n'),
    'a chunk size with 0x': post('Transfer-Encoding: chunked', data=b'0x8\r\n' + JSON + b'\r\n0\r\n\r\n'),
    'a chunk size with an underscore': post('Transfer-Encoding: chunked', data=b'0_8\r\n' + JSON + b'\r\n0\r\n\r\n'),
    'a negative chunk size': post('Transfer-Encoding: chunked', data=b'-8\r\n' + JSON + b'\r\n0\r\n\r\n'),
    'no chunk size': post('Transfer-Encoding: chunked', data=b'\r\n' + JSON + b'\r\n0\r\n\r\n'),
    'a chunk line that ends with LF': post('Transfer-Encoding: chunked', data=b'8\n' + JSON + b'\r\n0\r\n\r\n'),
    'a chunk that is longer than it says': post('Transfer-Encoding: chunked', data=b'2\r\n' + JSON + b'\r\n0\r\n\r\n'),
    'an absurd chunk size': post('Transfer-Encoding: chunked', data=b'f' * 100 + b'\r\n'),
    'an extension that does not end': post('Transfer-Encoding: chunked', data=b'8;' + b'a' * 100_000),
    'a trailer that is none': post('Transfer-Encoding: chunked', data=b'8\r\n' + JSON + b'\r\n0\r\nodd : a\r\n\r\n'),
    'trailers without end': post('Transfer-Encoding: chunked', data=b'0\r\n' + b'a: b\r\n' * 20_000),
}


@pytest.mark.parametrize('what', MALFORMED)
def test_what_rfc_9112_calls_malformed_is_400_and_one_line(stack, what, log):
    said = answer(stack, MALFORMED[what])
    assert status(said) == 400
    assert body(said).count(b'HTTP/1.1 2') == body(said).count(b'HTTP/1.1 4') == 0, 'answered twice'
    sentence = json.loads(body(said))['error']
    assert sentence.endswith('.') and '\n' not in sentence
    assert headers(said)['connection'] == 'close'
    check_protected(headers(said))
    line, = log().splitlines()
    assert 'was refused with 400' in line and '127.0.0.1' in line


def check_protected(found):
    assert found['x-content-type-options'] == 'nosniff'
    assert found['cache-control'] == 'no-store'


OTHERS = {
    'a request line of 20 KB': (b'GET /' + b'a' * 20_000 + b' HTTP/1.1\r\n\r\n', 414),
    'a request line that does not end': (b'GET /' + b'a' * 20_000, 414),
    'a header line of 70 KB': (head('X-Long: ' + 'a' * 70_000), 431),
    'two hundred headers': (head(*[f'X-{number}: a' for number in range(200)]), 431),
    'HTTP/2.0': (head().replace(b'HTTP/1.1', b'HTTP/2.0'), 505),
    'a length beyond all': (post('Content-Length: ' + '9' * 5000), 413),
    'a body of 2 MB': (post('Content-Length: 2000000', data=b'a' * 2_000_000), 413),
    'a chunk of 2 MB': (post('Transfer-Encoding: chunked', data=b'200000\r\n' + b'a' * 0x200000), 413),
    'a chunk of 4 GB': (post('Transfer-Encoding: chunked', data=b'ffffffff\r\n'), 413),
    'chunks of one byte': (post('Transfer-Encoding: chunked', data=b'1\r\na\r\n' * 100_000 + b'0\r\n\r\n'), 413),
    'PRI of HTTP/2': (b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505),
}


@pytest.mark.parametrize('what', OTHERS)
def test_what_is_too_much_has_a_status_of_its_own(stack, what, log):
    request, expected = OTHERS[what]
    said = answer(stack, request)
    assert status(said) == expected
    check_protected(headers(said))
    assert json.loads(body(said))['error'].endswith('.')
    assert len(log().splitlines()) == 1


TAKEN = {
    'an empty line before the request': b'\r\n' + head(),
    'spaces around a value': head('X-Odd: \t a \t '),
    'a value of nothing': head('X-Odd:'),
    'the same length twice': post('Content-Length: 8', 'Content-Length: 8'),
    'a length with zeros before': post('Content-Length: 008'),
    'Chunked': post('Transfer-Encoding: Chunked', data=b'8\r\n' + JSON + b'\r\n0\r\n\r\n'),
    'chunks with extensions and trailers': post(
        'Transfer-Encoding: chunked', data=b'0005;a=b\r\n{"a":\r\n3 ; c="d"\r\n 1}\r\n000\r\nX-Sum: 1\r\n\r\n'),
    'an absolute address': head(path='http://localhost' + PUBLIC),
    'HTTP/1.0 without a Host': head().replace(b'Host: localhost\r\n', b'').replace(b'HTTP/1.1', b'HTTP/1.0'),
    'bytes outside of ASCII in a value': head('X-Odd: \xe4\xff'),
    'a GET with a body': head('Content-Length: 8') + JSON,
}


@pytest.mark.parametrize('what', TAKEN)
def test_what_rfc_9112_allows_is_taken(stack, what):
    said = answer(stack, TAKEN[what])
    assert status(said) == 200, said
    assert json.loads(body(said)) == {'has': []}
    check_protected(headers(said))


def test_an_answer_to_head_has_no_body(stack):
    for path, expected in ((PUBLIC, 405), ('/health', 200)):
        said = answer(stack, head(method='HEAD', path=path))
        assert status(said) == expected
        assert body(said) == b''
        assert int(headers(said)['content-length']) > 0


def test_a_malformed_head_gets_no_body_for_head_either(stack):
    assert body(answer(stack, head('Content-Length: +1', method='HEAD'))).count(b'HTTP') == 0


def test_a_client_that_waits_for_100_gets_it_before_its_body(stack):
    with contextlib.closing(socket.create_connection(wire.address(stack), 15)) as connection:
        connection.sendall(head('Expect: 100-continue', 'Content-Length: 8', method='POST'))
        assert connection.recv(100) == b'HTTP/1.1 100 Continue\r\n\r\n'
        connection.sendall(JSON)
        assert status(wire.rest(connection)) == 200


def test_requests_on_one_connection_are_answered_one_after_the_other(stack):
    """What is read ahead of one request belongs to the next one."""
    keep = head().replace(b'Connection: close\r\n', b'')
    said = answer(stack, keep * 3 + post('Content-Length: 8').replace(b'Connection: close\r\n', b'') + head())
    assert said.count(b'HTTP/1.1 200 ') == 5


DRIPPED = {
    'the request line': (b'GET /' + b'a' * 1000, b''),
    'the head': (b'a' * 1000, b'GET / HTTP/1.1\r\nHost: x\r\nX-Long: '),
    'the body': (b' ' * 1000, b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n'),
    'a chunk': (b' ' * 1000, b'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n'),
    'a trailer': (b'a' * 1000, b'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n'),
}


@pytest.mark.parametrize('what', DRIPPED)
def test_a_client_that_drips_is_cut_off(stack, what, log):
    """Every part of a request has its time, from the first byte on: 408."""
    data, before = DRIPPED[what]
    with contextlib.closing(socket.create_connection(wire.address(stack), 15)) as connection:
        connection.sendall(before)
        assert wire.drip(connection, data, 0.5, 25) > 8
        said = wire.rest(connection)
    assert status(said) == 408
    check_protected(headers(said))
    assert len(log().splitlines()) == 1


def test_clients_that_drip_do_not_delay_a_stop(programs):
    config = programs.config('dripping', longpolling_timeout=60)
    with programs.serving('-c', config, '-p', programs.port()) as serving, contextlib.ExitStack() as connections:
        for data, before in DRIPPED.values():
            connection = connections.enter_context(contextlib.closing(socket.create_connection(serving.address, 15)))
            connection.sendall(before + data[:1])
        time.sleep(0.5)
        ended, seconds = serving.stop()
        assert ended == 0
        assert seconds < 5


def test_what_is_refused_does_not_hold_who_goes_on_sending_it(stack):
    """What is read only to be thrown away is bounded."""
    with contextlib.closing(socket.create_connection(wire.address(stack), 15)) as connection:
        connection.sendall(post('Content-Length: 1000000000', data=b''))
        begun = time.monotonic()
        with pytest.raises(ConnectionError):
            while time.monotonic() - begun < 20:
                connection.sendall(b'a' * 65536)
        assert time.monotonic() - begun < 10
