"""wire/head.py: the head of a request as RFC 9112 says (numbers are its sections, unless another one is named)."""

import gevent
import pytest

from tests.support import connections
from web_longpolling.errors import BadRequest, HeadTooLarge, LineTooLong, PollError, TooLarge, VersionNotSupported
from web_longpolling.sidecar.wire import head
from web_longpolling.sidecar.wire.incoming import READ_AHEAD, Incoming


def lines(*fields: str, request='GET /path HTTP/1.1', host='Host: example.com') -> bytes:
    """A head of these header lines behind that of the host."""
    return '\r\n'.join([line for line in (request, host, *fields) if line] + ['', '']).encode('latin-1')


def read(data: bytes, follows=b'next.') -> head.Head:
    """The head; checks that what follows it is left."""
    with connections.incoming(data + follows) as source:
        found = head.read(source)
        assert source.read(len(follows)) == follows
        return found


def refusal(data: bytes, leaves=True) -> PollError:
    """With what it is refused, and at once: who waits for more of it than was sent, fails."""
    with connections.incoming(data, leaves) as source, gevent.Timeout(5):
        with pytest.raises(PollError) as caught:
            head.read(source)
    assert str(caught.value).endswith('.') and '\n' not in str(caught.value)
    return caught.value


# What is taken

def test_it_is_told_as_it_was_sent():
    found = read(lines('Accept: */*', request='POST /a%20b/%C3%A9?data=%7B%7D&x HTTP/1.1'))
    assert (found.line, found.method) == ('POST /a%20b/%C3%A9?data=%7B%7D&x HTTP/1.1', 'POST')
    assert (found.path, found.query, found.version) == ('/a%20b/%C3%A9', 'data=%7B%7D&x', 'HTTP/1.1')
    assert found.fields == {'HTTP_HOST': 'example.com', 'HTTP_ACCEPT': '*/*'}
    assert found.length == 0


def test_wsgi_has_the_path_unquoted_once_and_the_query_as_it_was_sent():
    """PEP 3333: text whose characters are bytes."""
    environ = {'kept': 1}
    read(lines('X-Odd: a', request='GET /a%2520b/%C3%A9?a=%20 HTTP/1.0')).add_to(environ)
    assert environ == {'kept': 1, 'REQUEST_METHOD': 'GET', 'SCRIPT_NAME': '', 'PATH_INFO': '/a%20b/\xc3\xa9',
                       'QUERY_STRING': 'a=%20', 'SERVER_PROTOCOL': 'HTTP/1.0', 'HTTP_HOST': 'example.com',
                       'HTTP_X_ODD': 'a'}


FIELDS = {
    'spaces around a value are none of it (5)': (['X-Odd: \t a b \t '], {'HTTP_X_ODD': 'a b'}),
    'a value may be empty': (['X-Odd:'], {'HTTP_X_ODD': ''}),
    'bytes outside of ASCII stay as they are (RFC 9110, 5.5)': (['X-Odd: \xe4\xff'], {'HTTP_X_ODD': '\xe4\xff'}),
    'names have no case': (['x-oDD: a'], {'HTTP_X_ODD': 'a'}),
    'lines of the same name are one list (RFC 9110, 5.3)': (['X-Odd: a', 'x-odd: b, c'], {'HTTP_X_ODD': 'a,b, c'}),
    'cookies are joined as RFC 6265 parts them': (['Cookie: a=1', 'Cookie: b=2'], {'HTTP_COOKIE': 'a=1; b=2'}),
    'the type has the name that CGI gives it': (['Content-Type: a/b'], {'CONTENT_TYPE': 'a/b'}),
    'a name with an underscore could pass for another one, and is left out': (['X_Forwarded-For: a'], {}),
    'a length with an underscore is none': (['Content_Length: 5'], {}),
}


@pytest.mark.parametrize('what', FIELDS)
def test_the_header_lines(what):
    fields, expected = FIELDS[what]
    found = read(lines(*fields))
    assert found.fields == {'HTTP_HOST': 'example.com', **expected}
    assert found.length == 0


def test_an_empty_line_before_the_request_is_ignored():
    """2.2: some clients send one that is too many after a body."""
    assert read(b'\r\n' + lines()).path == '/path'


@pytest.mark.parametrize('target, path, query, name', [
    ('http://other.example/a?b', '/a', 'b', 'other.example'), ('HTTPS://Other.example:84', '/', '', 'Other.example:84'),
    ('http://other.example?b', '/', 'b', 'other.example'), ('http://[::1]:80/a', '/a', '', '[::1]:80')])
def test_an_absolute_address_names_the_host_instead_of_the_header(target, path, query, name):
    """3.2.2: whatever the header Host says."""
    found = read(lines(request=f'GET {target} HTTP/1.1'))
    assert (found.path, found.query, found.fields['HTTP_HOST']) == (path, query, name)


@pytest.mark.parametrize('name', ['', 'example.com', 'example.com:8069', '[::1]:8069', '127.0.0.1', 'a_b.example'])
def test_a_host_is_any_name_or_none(name):
    """3.2: it is empty where the address has none."""
    assert read(lines(host='Host: ' + name)).fields['HTTP_HOST'] == name


def test_http_1_0_needs_no_host():
    assert 'HTTP_HOST' not in read(lines(request='GET / HTTP/1.0', host='')).fields


@pytest.mark.parametrize('version, known', [('1.0', 'HTTP/1.0'), ('1.1', 'HTTP/1.1'), ('1.9', 'HTTP/1.1')])
def test_later_versions_of_the_same_kind_are_http_1_1(version, known):
    """2.3."""
    assert read(lines(request=f'GET / HTTP/{version}')).version == known


@pytest.mark.parametrize('version, wish, closes', [
    ('1.1', None, False), ('1.1', 'close', True), ('1.1', 'Upgrade, Close', True), ('1.1', 'keep-alive', False),
    ('1.1', 'closed', False), ('1.0', None, True), ('1.0', 'Keep-Alive', False), ('1.0', 'keep-alive, close', True)])
def test_the_connection_is_kept_or_closed_as_the_client_wishes(version, wish, closes):
    """9.3."""
    fields = [] if wish is None else ['Connection: ' + wish]
    assert read(lines(*fields, request=f'GET / HTTP/{version}')).closes() is closes


@pytest.mark.parametrize('fields, length, told', [
    ([], 0, None), (['Content-Length: 0'], 0, '0'), (['Content-Length: 8'], 8, '8'), (['Content-Length: 008'], 8, '8'),
    (['Content-Length: 000'], 0, '0'), (['Content-Length: 8', 'Content-Length: 8'], 8, '8'),
    (['Content-Length: 8, 8'], 8, '8'), (['Transfer-Encoding: chunked'], None, None),
    (['Transfer-Encoding: CHUNKED'], None, None)], ids=str)
def test_the_body_has_a_length_or_comes_in_chunks(fields, length, told):
    """6.3; the same length said twice is one."""
    found = read(lines(*fields))
    assert found.length == length
    assert found.fields.get('CONTENT_LENGTH') == told


# What is refused

MALFORMED = {
    'nothing': b'',
    'two empty lines before the request': b'\r\n\r\n' + lines(),
    'an end within the request line': b'GET / HT',
    'an end within the header lines': lines()[:-2],
    'an end behind an empty line': b'\r\n',
    'LF alone (2.2)': lines().replace(b'\r\n', b'\n'),
    'LF alone behind the request line': lines().replace(b'\r\n', b'\n', 1),
    'LF alone at the end': lines()[:-2] + b'\n\r\n',
    'CR in a value': lines('X-Odd: a\rb'),
    'CR before the end of a line': lines('X-Odd: a\r'),
    'CR in the request line': lines(request='GET /\r HTTP/1.1'),
    'no method': lines(request=' / HTTP/1.1'),
    'a method that is no token': lines(request='G(T / HTTP/1.1'),
    'a space before the method': lines(request=' GET / HTTP/1.1'),
    'no target': lines(request='GET HTTP/1.1'),
    'two spaces (3)': lines(request='GET  / HTTP/1.1'),
    'a space within the target': lines(request='GET /a b HTTP/1.1'),
    'a tab instead of a space': lines(request='GET\t/ HTTP/1.1'),
    'a space behind the version': lines(request='GET / HTTP/1.1 '),
    'no version, as in HTTP/0.9': lines(request='GET /'),
    'a version in small letters (2.3)': lines(request='GET / http/1.1'),
    'a version of more digits': lines(request='GET / HTTP/1.10'),
    'a version with a plus': lines(request='GET / HTTP/1.+1'),
    'a target that is no path': lines(request='GET path HTTP/1.1'),
    'the name of a host alone, which is for CONNECT': lines(request='CONNECT example.com:80 HTTP/1.1'),
    'an asterisk': lines(request='OPTIONS * HTTP/1.1'),
    'an absolute address without a host': lines(request='GET http:///path HTTP/1.1'),
    'an absolute address with a password (RFC 9110, 4.2.4)': lines(request='GET http://a:b@example.com/ HTTP/1.1'),
    'an absolute address of another kind': lines(request='GET ftp://example.com/ HTTP/1.1'),
    'NUL in the path': lines(request='GET /\0 HTTP/1.1'),
    'NUL in the path, quoted': lines(request='GET /%00 HTTP/1.1'),
    'a space before the colon (5.1)': lines('X-Odd : a'),
    'a tab before the colon': lines('X-Odd\t: a'),
    'a line that goes on (5.2)': lines('X-Odd: a', ' b'),
    'a first line that goes on (2.2)': lines(' X-Odd: a', host=''),
    'a line without a colon': lines('X-Odd'),
    'an empty name': lines(': a'),
    'a name that is no token': lines('X(Odd): a'),
    'a name outside of ASCII': lines('X\xe4: a'),
    'NUL in a value (RFC 9110, 5.5)': lines('X-Odd: a\0b'),
    'DEL in a value': lines('X-Odd: a\x7fb'),
    'a vertical tab in a value': lines('X-Odd: a\x0bb'),
    'no Host (3.2)': lines(host=''),
    'no Host beside an absolute address': lines(request='GET http://example.com/ HTTP/1.1', host=''),
    'two Hosts': lines('Host: example.com'),
    'two Hosts in one line': lines(host='Host: a, b'),
    'a Host with a path': lines(host='Host: example.com/a'),
    'a Host with a user': lines(host='Host: a@example.com'),
    'a Host with a space': lines(host='Host: a b'),
    'two lengths (6.3)': lines('Content-Length: 8', 'Content-Length: 7'),
    'two lengths in one line': lines('Content-Length: 8, 7'),
    'a length with a plus': lines('Content-Length: +8'),
    'a length with a minus': lines('Content-Length: -8'),
    'a length with an underscore': lines('Content-Length: 0_8'),
    'a length with a space in it': lines('Content-Length: 8 8'),
    'a length in hexadecimal digits': lines('Content-Length: 0x8'),
    'a length and nothing': lines('Content-Length: 8,'),
    'an empty length': lines('Content-Length:'),
    'a length in other digits': lines('Content-Length: \xb2'),
    'chunks and a length (6.3)': lines('Content-Length: 8', 'Transfer-Encoding: chunked'),
    'chunks in HTTP/1.0 (6.1)': lines('Transfer-Encoding: chunked', request='POST / HTTP/1.0'),
    'chunks of something else': lines('Transfer-Encoding: gzip, chunked'),
    'chunks that are not the last': lines('Transfer-Encoding: chunked, gzip'),
    'chunks twice': lines('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
    'chunks with a parameter': lines('Transfer-Encoding: chunked;a=b'),
    'another encoding': lines('Transfer-Encoding: identity'),
    'an empty encoding': lines('Transfer-Encoding:'),
}


@pytest.mark.parametrize('what', MALFORMED)
def test_what_rfc_9112_calls_malformed_is_a_bad_request(what):
    assert type(refusal(MALFORMED[what])) is BadRequest


@pytest.mark.parametrize('version', ['0.9', '2.0', '3.0'])
def test_another_version_of_http_is_told_so(version):
    assert isinstance(refusal(lines(request=f'GET / HTTP/{version}')), VersionNotSupported)


def test_a_length_of_any_number_of_digits_is_too_large_and_not_computed():
    assert isinstance(refusal(lines('Content-Length: ' + '9' * 5000)), TooLarge)
    assert read(lines('Content-Length: ' + '0' * 5000 + '8')).length == 8


# Bounds

@pytest.mark.parametrize('before', [b'', b'\r\n'], ids=['at once', 'after an empty line'])
def test_the_request_line_is_bounded_and_refused_before_its_end(monkeypatch, before):
    monkeypatch.setattr(head, 'MAX_LINE', 20)
    assert read(before + lines(request='GET /3456 HTTP/1.1')).path == '/3456'
    error = refusal(before + b'GET /34567 HTTP/1.1\r', leaves=False)
    assert isinstance(error, LineTooLong) and '20 bytes' in str(error)


def test_the_header_lines_are_bounded_together(monkeypatch):
    """The line that ends them counts."""
    monkeypatch.setattr(head, 'HEAD_BYTES', len(b'Host: example.com\r\nX-Odd: a\r\n\r\n'))
    assert read(lines('X-Odd: a')).fields['HTTP_X_ODD'] == 'a'
    for too_large in (lines('X-Odd: ab'), lines('X-Odd: a')[:-2] + b'X-'):
        error = refusal(too_large, leaves=False)
        assert isinstance(error, HeadTooLarge) and f'{head.HEAD_BYTES} bytes' in str(error)


def test_there_are_some_header_lines_and_no_more(monkeypatch):
    """With that of the host; the request line is none."""
    monkeypatch.setattr(head, 'HEAD_LINES', 3)
    assert len(read(lines('A: a', 'B: b')).fields) == 3
    error = refusal(lines('A: a', 'B: b', 'C: c'), leaves=False)
    assert isinstance(error, HeadTooLarge) and '3 lines' in str(error)


def test_no_more_is_read_of_a_head_without_end_than_it_may_have(monkeypatch):
    """And what is read ahead, of a line that may be a byte longer."""
    monkeypatch.setattr(head, 'HEAD_BYTES', 10_000)
    with connections.pair() as (client, server):
        sending = gevent.spawn(client.sendall, lines('X-Odd: ' + 'a' * 50_000))
        with pytest.raises(HeadTooLarge):
            head.read(Incoming(server))
        left = 0
        with gevent.Timeout(10):
            while left < 50_000 - head.HEAD_BYTES - 2 * READ_AHEAD:
                left += len(server.recv(65536))
        sending.kill()


def test_its_size_is_that_of_its_lines():
    """Their ends may count or not."""
    data = lines('X-Odd: ' + 'a' * 1000)
    assert len(data) - 2 * data.count(b'\r\n') <= read(data).size <= len(data)


def test_the_work_for_a_head_that_drips_grows_with_its_length_alone():
    """Each byte is searched once, when it comes."""
    work = connections.Work()
    data = lines(*['X-Odd: ' + 'a' * 20] * 50)
    with connections.pair() as (client, server):
        client.sendall(data)
        head.read(Incoming(connections.Dripping(server, work)))
    assert work.seen <= len(data)
