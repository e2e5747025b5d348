"""Requests out of a grammar, bent and cut at random: each is answered as HTTP, and the log never has a traceback.

hypothesis makes them, and reduces one that breaks something to the smallest that does. Some
hundreds a run; a run of hours is `FUZZ_EXAMPLES=100000 pytest tests/contract/test_fuzz.py`.
"""

import contextlib
import json
import os
import re
import socket

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from . import wire

EXAMPLES = int(os.environ.get('FUZZ_EXAMPLES', '250'))
# Seconds. Nobody of these waits for news, so an answer comes at once; a busy machine is slow.
ANSWERED = 15
STATUSES = {200, 204, 400, 401, 403, 404, 405, 413, 414, 431, 503, 505}
ROUTES = ['', '/', '/public', '/echo', '/strict/1', '/varroute/a/b', '/http/text', '/types/1/2.5/x/y', '/werkzeug']
ANSWER = re.compile(rb'HTTP/1\.1 ([0-9]{3}) [^\r\n]*\r\n((?:[!-9;-~]+:[^\r\n]*\r\n)*)\r\n')

octets = st.binary(max_size=30)
token = st.text('abcXYZ019-!~', min_size=1, max_size=12)
number = st.sampled_from([
    '0', '1', '-1', '+1', '0_1', '00', '1e3', '9' * 30, '0x1', ' 1', '1 ', '', '1,1', '1, 2', '\u0663'])
methods = st.sampled_from(['GET', 'POST', 'GET', 'POST', 'HEAD', 'OPTIONS', 'CONNECT', 'TRACE', 'get', 'PRI']) | token
versions = st.sampled_from(
    ['HTTP/1.1'] * 6 + ['HTTP/1.0', 'HTTP/0.9', 'HTTP/2.0', 'HTTP/1.2', 'http/1.1', 'HTTP/11', ''])

paths = st.one_of(
    st.sampled_from(['/openerplongpolling' + route for route in ROUTES] + ['/health', '/metrics', '*', '/', '//', '']),
    st.text('/.%20aä\\?#;:@', max_size=30).map(lambda text: '/openerplongpolling/' + text),
    st.sampled_from(['http://localhost/openerplongpolling/public', 'http://', 'https://a:b@c/d', 'ftp://x/y']))
data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10), max_leaves=8,
    extend=lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4))
objects = st.dictionaries(
    st.sampled_from(['wanted', 'session_id', 'a', 'ä', '', 'request', '\0', '\ud800']), data, max_size=4)
bodies = st.one_of(
    objects.map(lambda value: json.dumps(value).encode()), data.map(lambda value: json.dumps(value).encode()), octets,
    st.sampled_from([b'{', b'[' * 500, b'{"a":' * 200, b'{"a": 1e999}', b'{"a": ' + b'9' * 2000 + b'}', b'\xff']))
headers = st.one_of(
    st.tuples(token, st.text(st.characters(max_codepoint=255), max_size=20)),
    st.tuples(st.just('Content-Length'), number),
    st.tuples(st.just('Transfer-Encoding'), st.sampled_from(['chunked', 'gzip', 'gzip, chunked', ''])),
    st.tuples(st.just('Cookie'), st.text('a=;", \\0129\xe4', max_size=60)),
    st.tuples(st.just('Cookie'), st.sampled_from(
        ['session_id=' + 'a' * 84, 'sid=' + 'a' * 40, 'sid=../../x', 'sid=%00'])),
    st.tuples(st.sampled_from(['Host', 'Origin', 'Sec-Fetch-Site', 'X-Longpolling-Since', 'X-Longpolling-Browser',
                               'X-Forwarded-Host', 'Connection', 'Upgrade', 'Content-Type', 'Content-Encoding']),
              st.sampled_from(['localhost', 'null', 'http://a', 'cross-site', 'x', '1 2 3 4', '127.0.0.1 1 ::1 2', '',
                               'close', 'keep-alive', 'upgrade', 'websocket', 'gzip', 'application/json; charset=x'])))


@st.composite
def requests(draw):
    """One request as bytes, mostly a good one."""
    body = draw(bodies)
    path = draw(paths)
    if draw(st.booleans()):
        path += '?' + draw(st.sampled_from(
            ['data={}', 'data=[', 'data=%ff', 'session_id=x', '&=&', 'data={"a":"%00"}']))
    lines = [f'{draw(methods)} {path} {draw(versions)}', 'Host: localhost']
    framing = draw(st.sampled_from(['none', 'length', 'length', 'chunks', 'wrong']))
    if framing == 'length':
        lines.append(f'Content-Length: {len(body)}')
    elif framing == 'wrong':
        lines.append(f'Content-Length: {max(len(body) + draw(st.integers(-3, 3)), 0)}')
    elif framing == 'chunks':
        lines.append('Transfer-Encoding: chunked')
        body = b''.join(b'%x\r\n%s\r\n' % (len(part), part) for part in (body[:3], body[3:]) if part) + b'0\r\n\r\n'
    elif framing == 'none':
        body = b''
    lines += [f'{name}: {value}' for name, value in draw(st.lists(headers, max_size=4))]
    return '\r\n'.join([*lines, '', '']).encode('utf-8', 'surrogateescape') + body


@st.composite
def conversations(draw):
    """What is sent on one connection, in parts: some requests, sometimes bent."""
    said = b''.join(draw(st.lists(requests(), min_size=1, max_size=3)))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(said)))
        said = said[:place] + draw(octets) + said[place + draw(st.integers(0, 3)):]
    cuts = sorted(draw(st.lists(st.integers(0, len(said)), max_size=3)))
    parts = [said[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(said)], strict=True)]
    return [part for part in parts if part]


def answers(stack, parts) -> bytes:
    """What the sidecar says to this until it closes."""
    with contextlib.closing(socket.create_connection(wire.address(stack), timeout=ANSWERED)) as connection:
        with contextlib.suppress(ConnectionError, OSError):
            for part in parts:
                connection.sendall(part)
            connection.shutdown(socket.SHUT_WR)
        return wire.rest(connection)


def check(said: bytes):
    """It is a number of answers, the last one perhaps without its body (that of a HEAD, or of what was no request)."""
    while said:
        if said.startswith(b'HTTP/1.1 100 Continue\r\n\r\n'):
            said = said[25:]
            continue
        found = ANSWER.match(said)
        assert found, said
        assert int(found.group(1)) in STATUSES, said
        fields = dict(line.lower().split(b': ', 1) for line in found.group(2).split(b'\r\n')[:-1])
        assert fields[b'x-content-type-options'] == b'nosniff', said
        assert fields[b'cache-control'] == b'no-store', said
        said = said[found.end():]
        length = int(fields.get(b'content-length', 0))
        if not said.startswith(b'HTTP/1.1 '):   # as the answer to a HEAD is followed by the next one
            said = said[length:]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=False)
@given(parts=conversations())
def fuzz(stack, parts):
    begun = len(stack.log('sidecar'))
    check(answers(stack, parts))
    assert 'Traceback' not in stack.log('sidecar')[begun:]


def test_whatever_comes_is_answered_and_is_no_failure(stack, visitor):
    """4xx for whatever a client can send, never a traceback; afterwards nothing is held."""
    before = stack.sidecar_pid
    fuzz(stack)
    health = visitor.http.get(stack.sidecar_url + '/health', timeout=30).json()
    assert (health['status'], health['polls_held']) == ('ok', 0)
    assert stack.sidecar_pid == before
