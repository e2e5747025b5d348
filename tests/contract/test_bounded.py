"""What a client sends is bounded in time and memory before anything parses it, and whatever it is, no failure."""

import contextlib
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from . import wire
from .wire import PUBLIC, head, status

# Seconds in which the loop does not answer others at most, on a busy machine: a tenth of what was seen without bounds.
STANDSTILL = 0.4
# Bytes. What all polls of one login may add to the memory of a sidecar: 32 MB by its own count, and some for the rest.
ADDED = 80 << 20


def raw(session, route, text: str, url=None, method='POST'):
    """A poll of this JSON text, as it is; on OpenERP the session's id is its first member."""
    if session.session_id and text.startswith('{'):
        text = f'{{"session_id": "{session.session_id}"' + (', ' if text != '{}' else '') + text[1:]
    address = (url or session.url) + session.path + route
    if method == 'GET':
        return session.http.get(address, params={'data': text}, timeout=60)
    return session.http.post(address, data=text.encode(), timeout=60)


@contextlib.contextmanager
def watched(stack):
    """Yields a function that gives the longest time, in seconds, that somebody had to wait for /health meanwhile."""
    waits, over = [0.0], []

    def ask():
        while not over:
            begun = time.monotonic()
            wire.answer(stack, head(path='/health'))
            waits.append(time.monotonic() - begun)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        time.sleep(0.2)
        try:
            yield lambda: max(waits)
        finally:
            time.sleep(0.2)
            over.append(True)
            asking.result()


COSTLY = {
    'cookies of semicolons': head(*['Cookie: ' + ';' * 20_000] * 3),
    'cookies of quotes': head(*['Cookie: a="' + '\\"' * 10_000] * 3),
    'cookies of spaces': head('Cookie: ' + ' ' * 60_000),
    'cookies of names': head('Cookie: ' + 'a;' * 30_000),
    'a million digits': wire.head('Content-Length: 1000006', method='POST') + b'{"a":' + b'9' * 1_000_000 + b'}',
    'a million digits before a point': wire.head('Content-Length: 1000008', method='POST')
    + b'{"a":' + b'9' * 1_000_000 + b'.5}',
    'a million brackets': wire.head('Content-Length: 1000000', method='POST') + b'[' * 1_000_000,
    'five hundred thousand lists': wire.head('Content-Length: 1000001', method='POST')
    + b'[' + b'[],' * 333_333 + b'0',
    'many quotes': wire.head('Content-Length: 1000000', method='POST') + b'"session_id":' * 76_923 + b'"',
}


@pytest.mark.parametrize('what', COSTLY)
def test_nothing_that_a_stranger_sends_makes_the_others_wait(stack, what, log):
    with watched(stack) as longest:
        for _ in range(3):
            assert status(wire.answer(stack, COSTLY[what])) in (200, 400, 413)
        assert longest() < STANDSTILL
    assert 'Traceback' not in log()


def test_nothing_is_parsed_for_somebody_who_is_not_logged_in(visitor):
    assert raw(visitor, '/echo', '{"a": ').status_code == 401
    assert raw(visitor, '/no/such/route', '{"a": ').status_code == 404
    assert raw(visitor, '/public', '{"a": ').status_code == 400


def test_a_parameter_named_as_openerps_session_id_confuses_nobody(ann):
    """It is told from the session's own without parsing; what is parsed later must agree."""
    sent = {'a': {'session_id': 'other'}, 'b': [{'session_id': 'one more'}]}
    assert ann.poll('/echo', sent).json() == sent
    assert ann.poll('/echo', sent, method='GET').json() == sent


TOO_LARGE = {
    'lists': '{"a": [' + '[],' * 10_000 + '0]}',
    'objects': '{"a": [' + '{},' * 10_000 + '0]}',
    'values': '{"a": [' + '1,' * 50_000 + '0]}',
    'keys': '{' + ''.join(f'"{number}":1,' for number in range(26_000)) + '"z":1}',
}


@pytest.mark.parametrize('what', TOO_LARGE)
def test_more_values_than_a_poll_needs_are_refused(ann, what):
    assert raw(ann, '/echo', TOO_LARGE[what]).status_code == 413


def test_as_many_channels_as_a_page_may_have_are_taken(ann):
    names = [f'channel-{number:032}' for number in range(14_000)]
    assert ann.poll('/echo', {'channels': names}).json() == {'channels': names}


NO_VALUES = {
    '1e400': '{"a": 1e400}',
    '-1e400': '{"a": -1e400}',
    '1E+400': '{"a": 1E+400}',
    'e99 behind 250 digits': '{"a": ' + '9' * 250 + 'e99}',
    '400 digits and a point': '{"a": ' + '9' * 400 + '.0}',
    'a thousand digits': '{"a": ' + '9' * 1000 + '}',
    'NUL': '{"a": "x\\u0000y"}',
    'NUL in a name': '{"x\\u0000y": 1}',
    'NUL deep inside': '{"a": [{"b": ["\\u0000"]}]}',
    'half a character': '{"a": "\\ud800"}',
    'the other half': '{"a": "\\uDFFF"}',
    'two halves in the wrong order': '{"a": "\\udc00\\ud800"}',
    'a hundred levels': '{"a": ' + '[' * 101 + ']' * 101 + '}',
    'nine hundred levels': '{"a": ' + '{"a":' * 900 + '1' + '}' * 900 + '}',
}


@pytest.mark.parametrize('what', NO_VALUES)
@pytest.mark.parametrize('method', ['GET', 'POST'])
def test_what_neither_json_nor_postgresql_can_hold_is_a_bad_request(ann, what, method, log):
    answer = raw(ann, '/echo', NO_VALUES[what], method=method)
    assert answer.status_code == 400 or (method == 'GET' and answer.status_code == 414)     # too long for an address
    assert 'Traceback' not in log()


@pytest.mark.parametrize('value', [
    '\U0001f600', 'é\U0010ffff', '1e400', '\\u0000', 10 ** 99, -10 ** 300, 1e308, 1e-320, '9' * 1000,
    [[[[[[[[[[1]]]]]]]]]]], ids=repr)
def test_what_looks_like_it_and_is_not_is_taken(ann, value):
    for ascii_only in (True, False):
        assert raw(ann, '/echo', json.dumps({'a': value}, ensure_ascii=ascii_only)).json() == {'a': value}


def memory(pid: int) -> int:
    """Bytes of a process's memory."""
    line, = (line for line in Path(f'/proc/{pid}/status').read_text().splitlines() if line.startswith('VmRSS'))
    return int(line.split()[1]) * 1024


LARGE = {
    'text': {'a': 'x' * 900_000},
    'lists': {'a': [[]] * 9_000},
    'objects': {'a': [{}] * 9_000},
    'wide characters': {'a': '\U0001f600' * 80_000},
    'numbers': {'a': [number + 0.5 for number in range(40_000)]},
}


@pytest.mark.parametrize('what', LARGE)
def test_what_the_held_polls_of_one_login_keep_is_bounded(programs, ann, what):
    config = programs.config('large', longpolling_timeout=30)
    with programs.serving('-c', config, '-p', programs.port()) as serving:
        assert ann.clone().poll('/echo', LARGE[what], url=serving.url).status_code == 200
        before = memory(serving.child.pid)
        with ThreadPoolExecutor(40) as pool:
            answers = [pool.submit(ann.clone().poll, '/silent', LARGE[what], url=serving.url) for _ in range(40)]
            time.sleep(4)
            added = memory(serving.child.pid) - before
            refused = [answer.result().status_code for answer in answers if answer.done()]
            assert ann.clone().poll('/sample/timeout', url=serving.url).status_code == 200, 'a small one has room'
            serving.stop()
        assert added < ADDED
        assert set(refused) <= {503}


def test_who_does_not_read_large_answers_can_not_ask_for_any_number(programs, ann):
    """Answers that are being sent count among the polls of their login."""
    config = programs.config('unread', longpolling_timeout=30, longpolling_max_held_per_session=5)
    with programs.serving('-c', config, '-p', programs.port()) as serving, contextlib.ExitStack() as connections:
        name, value = ann.cookie
        sent = json.dumps({'size': 16 << 20, **({'session_id': ann.session_id} if ann.session_id else {})}).encode()
        request = head(f'Cookie: {name}={value}', f'Content-Length: {len(sent)}', method='POST',
                       path='/openerplongpolling/http/large') + sent
        firsts = []
        for _ in range(8):
            connection = connections.enter_context(contextlib.closing(socket.create_connection(serving.address, 15)))
            connection.sendall(request)
            firsts.append(status(connection.recv(64)))
        assert firsts == [200] * 5 + [503] * 3


def test_a_controllers_stream_is_refused_in_one_sentence(ann, log):
    """It would go on past its poll: not counted, not timed, not watched."""
    begun = time.monotonic()
    for route in ('/http/stream', '/aborts/stream'):
        answer = ann.poll(route)
        assert answer.status_code == 500
    assert time.monotonic() - begun < 3
    assert log().count('answered at once and whole') == 2
    assert 'Traceback' not in log()


def test_abort_may_carry_a_response(ann, log):
    answer = ann.poll('/aborts/response')
    assert (answer.status_code, answer.text) == (410, 'gone away')
    assert ann.poll('/aborts/odd').status_code == 500
    assert 'Traceback' not in log()


@pytest.mark.parametrize('value', ['\u20ac', 'a\r\nSet-Cookie: a=b', '\U0001f600'], ids=ascii)
def test_what_has_no_form_in_a_header_is_one_line_of_the_log(ann, value, log):
    answer = ann.poll('/http/header', {'value': value})
    assert answer.status_code == 500
    assert 'Set-Cookie' not in answer.headers
    line, = log().splitlines()
    assert 'X-Odd has no form in HTTP' in line
    assert ann.poll('/http/header', {'value': 'plain'}).headers['X-Odd'] == 'plain'


@pytest.mark.parametrize('route', [
    '/http/cached', '/http/text', '/http/response', '/json/none', '/aborts', '/aborts/response', '/fails', '/nowhere',
    '/silent', '/echo'])
def test_no_answer_is_kept_or_guessed_at(ann, visitor, route):
    """`no-store` and `nosniff` on everything, a controller's own Response too."""
    for session in (ann, visitor):
        found = session.poll(route).headers
        assert found['Cache-Control'] == 'no-store'
        assert found['X-Content-Type-Options'] == 'nosniff'
        assert 'upgrade' not in found.get('Connection', '')


@contextlib.contextmanager
def held_by(serving, *sent: bytes):
    """A connection on which a poll is held; what is sent comes in the given parts."""
    with contextlib.closing(socket.create_connection(serving.address, 15)) as connection:
        for part in sent:
            connection.sendall(part)
            time.sleep(0.2)
        yield connection


def held(serving, visitor) -> int:
    return visitor.http.get(serving.url + '/health', timeout=10).json()['polls_held']


SILENT = head(path=PUBLIC.replace('public', 'silent'))
LEAVING = {
    'a GET with a body': (SILENT[:-2] + b'Content-Length: 8000\r\n\r\n' + b'x' * 8000,),
    'a GET with a body that comes later': (SILENT[:-2] + b'Content-Length: 8000\r\n\r\n', b'x' * 8000),
    'a GET with chunks': (SILENT[:-2] + b'Transfer-Encoding: chunked\r\n\r\n', b'8\r\n12345678\r\n0\r\n\r\n'),
    'a further request': (SILENT, head()),
    'a further request at once': (SILENT + head(),),
    'many further requests': (SILENT, head() * 200),
    'a further request in two parts': (SILENT, head()[:20], head()[20:]),
}


@pytest.mark.parametrize('what', LEAVING)
def test_a_client_that_leaves_frees_its_poll_whatever_it_has_sent(programs, visitor, what):
    config = programs.config('leaving', longpolling_timeout=60)
    with programs.serving('-c', config, '-p', programs.port()) as serving:
        with held_by(serving, *LEAVING[what]):
            time.sleep(0.3)
            assert held(serving, visitor) == 1
        deadline = time.monotonic() + 3
        while held(serving, visitor):
            assert time.monotonic() < deadline


def test_a_client_that_leaves_through_nginx_frees_its_get_with_a_body(stack, programs, visitor):
    address = stack.url.partition('//')[2].split(':')
    free = visitor.http.get(stack.sidecar_url + '/health', timeout=10).json()['polls_held']
    with contextlib.closing(socket.create_connection((address[0], int(address[1])), 15)) as connection:
        connection.sendall(LEAVING['a GET with a body'][0])
        time.sleep(0.5)
        assert visitor.http.get(stack.sidecar_url + '/health', timeout=10).json()['polls_held'] == free + 1
    time.sleep(1)
    assert visitor.http.get(stack.sidecar_url + '/health', timeout=10).json()['polls_held'] == free
