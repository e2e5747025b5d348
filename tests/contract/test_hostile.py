"""A malformed request gets a 400 with one sentence, and is no failure of the sidecar: sent as bytes, past nginx."""

import contextlib
import socket

import pytest

PUBLIC = '/openerplongpolling/public'
STRICT = '/openerplongpolling/strict/'


def answer(stack, request: bytes) -> bytes:
    """What the sidecar itself says to these bytes until it closes the connection."""
    with contextlib.closing(socket.create_connection(('127.0.0.1', stack.sidecars[0].port), timeout=10)) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        said = b''
        while part := connection.recv(65536):
            said += part
        return said


def status(said: bytes) -> int:
    assert said.startswith((b'HTTP/1.1 ', b'HTTP/1.0 ')), said
    return int(said.split()[1])


def get(path=PUBLIC, *headers, host='Host: localhost', version='1.1') -> bytes:
    lines = [f'GET {path} HTTP/{version}', *([host] if host is not None else []), 'Connection: close', *headers, '', '']
    return '\r\n'.join(lines).encode('latin-1')


def post(body: bytes, *headers) -> bytes:
    lines = [f'POST {PUBLIC} HTTP/1.1', 'Host: localhost', 'Connection: close', *headers, '', '']
    return '\r\n'.join(lines).encode('latin-1') + body


REQUESTS = {
    'a Host that is no name': (get(host='Host: a b\x01'), {200, 400}),
    'a Host with a label that is too long': (get(host='Host: ' + 'a' * 70 + '.example'), {200, 400}),
    'a Host of empty labels': (get(host='Host: a..b'), {200, 400}),
    'a Host outside of ASCII': (get(host='Host: \xe4\xff'), {200, 400}),
    'an empty Host': (get(host='Host:'), {200, 400}),
    'no Host': (get(host=None, version='1.0'), {200, 400}),
    'a Host with a port that is no number': (get(host='Host: localhost:http'), {200, 400}),
    'an absolute address': (get('http://localhost' + PUBLIC), {200, 400, 404}),
    'no path': (get('*'), {400, 404}),
    'a path without a slash': (get(PUBLIC[1:]), {200, 400, 404}),
    'a path that is no UTF-8': (get(PUBLIC + '/%ff%fe'), {404}),
    'a query that is no UTF-8': (get(PUBLIC + '?data=%ff'), {400}),
    'a query of percent signs': (get(PUBLIC + '?%&%%=%zz&data=%7'), {400}),
    'a number of five thousand digits': (get(STRICT + '9' * 5000), {400, 401, 404}),
    'a cookie without a name': (get(PUBLIC, 'Cookie: ;;;=; ;=x; session_id; sid=='), {200}),
    'a cookie of odd bytes': (get(PUBLIC, 'Cookie: session_id="\xe4\x01\\"; sid=\xff'), {200, 400}),
    'a length that is no number': (post(b'{}', 'Content-Length: two'), {400}),
    'a negative length': (post(b'{}', 'Content-Length: -2'), {400}),
    'a body that is shorter than it says': (post(b'{"a"', 'Content-Length: 400'), {400}),
    'chunks that are none': (post(b'zz\r\n{}\r\n0\r\n\r\n', 'Transfer-Encoding: chunked'), {400}),
    'chunks that end too early': (post(b'400\r\n{}', 'Transfer-Encoding: chunked'), {400}),
    'an encoding that nobody knows': (post(b'{}', 'Transfer-Encoding: gzip', 'Content-Length: 2'), {200, 400, 501}),
    'a compressed body': (post(b'\x1f\x8b\x08', 'Content-Encoding: gzip', 'Content-Length: 3'), {400}),
    'a form': (post(b'a=1', 'Content-Type: application/x-www-form-urlencoded', 'Content-Length: 3'), {400}),
    'a request line of nonsense': (b'nonsense\r\n\r\n', {400}),
    'a request line that does not end': (b'GET /' + b'a' * 20000, {400, 414}),
    'a header line of 70 KB': (get(PUBLIC, 'X-Long: ' + 'a' * 70_000), {431}),
    'a header line that does not end': (get(PUBLIC)[:-2] + b'X-Long: ' + b'a' * 500_000, {431}),
    'a header line of 70 KB in pieces': (get(PUBLIC, 'X-Long: a', *[' ' + 'a' * 7000] * 10), {431}),
    'headers of 70 KB together': (get(PUBLIC, *[f'X-Many-{number}: ' + 'a' * 1000 for number in range(70)]), {431}),
    'two hundred headers': (get(PUBLIC, *[f'X-Many-{number}: a' for number in range(200)]), {431}),
    'headers as large as dispatchers let them be': (
        get(PUBLIC, 'Cookie: a=' + 'a' * 8000, *[f'X-Many-{number}: ' + 'a' * 500 for number in range(40)]), {200}),
    'TLS': (b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', {400}),
}


@pytest.mark.parametrize('what', REQUESTS)
def test_a_malformed_request_is_answered_and_is_no_failure(stack, what, log):
    """Client text is bounded and checked; whatever comes, the answer is a status and the log has no traceback."""
    request, expected = REQUESTS[what]
    said = answer(stack, request)
    assert status(said) in expected, said
    assert b'Traceback' not in said
    assert 'Traceback' not in log()


def test_bytes_that_are_no_request_leave_the_others_alone(stack, visitor):
    """After all of them the sidecar serves as before."""
    for request, _ in REQUESTS.values():
        answer(stack, request)
    assert visitor.poll('/public').json() == {'has': []}


def test_a_head_without_end_is_cut_off_and_the_log_says_what_an_administrator_needs(stack, log, visitor):
    with contextlib.closing(socket.create_connection(('127.0.0.1', stack.sidecars[0].port), timeout=10)) as connection:
        connection.sendall(get()[:-2] + b'X-Long: ')
        with pytest.raises(ConnectionError):
            for _ in range(1000):           # 64 MB
                connection.sendall(b'a' * 65536)
    assert visitor.poll('/public').json() == {'has': []}
    line, = [line for line in log().splitlines() if '431' in line]
    assert '127.0.0.1' in line and 'more than 65536 bytes or 100 lines' in line and 'aaa' not in line


def test_a_client_text_never_breaks_a_line_of_the_log(stack, log, ann):
    """A path with line breaks or format signs is logged as one line."""
    ann.poll('/json/%0aERROR%20forged%20%25s%25(x)s')
    failed = [line for line in log().splitlines() if 'The poll of' in line]
    assert len(failed) == 1 and 'forged' in failed[0]
    assert not [line for line in log().splitlines() if line.startswith('ERROR forged')]
