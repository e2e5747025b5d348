"""wire/body.py: the body of a request, whole and within its bounds, as RFC 9112 says (numbers are its sections)."""

import io

import gevent
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import connections
from web_longpolling.errors import BadRequest, TooLarge
from web_longpolling.sidecar.wire import body
from web_longpolling.sidecar.wire.incoming import Incoming


def read(data: bytes, length: int | None = None, leaves=True) -> tuple[bytes, bytes]:
    """The body of a request that is sent so, and the five bytes that follow it."""
    with connections.incoming(data + b'next.', leaves) as source:
        return body.read(source, length), source.read(5)


def refusal(data: bytes, length: int | None = None, leaves=True) -> Exception:
    """With what it is refused, and at once: who waits for more of it than was sent, fails."""
    with connections.incoming(data, leaves) as source, gevent.Timeout(5):
        with pytest.raises((BadRequest, TooLarge)) as caught:
            body.read(source, length)
    assert str(caught.value).endswith('.') and '\n' not in str(caught.value)
    return caught.value


# By its length

@pytest.mark.parametrize('data', [b'', b'{}', b'0\r\n\r\n', bytes(range(256)) * 300])
def test_a_body_of_a_length_is_as_many_bytes_whatever_they_are(data):
    assert read(data, len(data)) == (data, b'next.')


def test_a_body_that_ends_before_its_length_is_malformed():
    assert isinstance(refusal(b'{"a":', 6), BadRequest)


def test_a_length_of_more_than_the_most_is_refused_before_a_byte_of_it_has_come(monkeypatch):
    monkeypatch.setattr(body, 'MAX_BODY', 10)
    assert read(b'x' * 10, 10) == (b'x' * 10, b'next.')
    error = refusal(b'', 11, leaves=False)
    assert isinstance(error, TooLarge) and '10 bytes' in str(error)


# In chunks

CHUNKED = {
    'none': (b'0\r\n\r\n', b''),
    'one': (b'5\r\nhello\r\n0\r\n\r\n', b'hello'),
    'two': (b'3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n', b'hello'),
    'hexadecimal digits of both cases': (b'a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n', b'01234567890123456789a'),
    'zeros before the size': (b'0000000000005\r\nhello\r\n000\r\n\r\n', b'hello'),
    'an extension (7.1.1)': (b'5;name=value\r\nhello\r\n0;last\r\n\r\n', b'hello'),
    'a quoted extension with spaces': (b'5 ; name = "a b"\r\nhello\r\n0\r\n\r\n', b'hello'),
    'trailers (7.1.2)': (b'5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Empty:\r\n\r\n', b'hello'),
    'line ends as data': (b'4\r\n\r\n\r\n\r\n0\r\n\r\n', b'\r\n\r\n'),
}


@pytest.mark.parametrize('what', CHUNKED)
def test_a_body_in_chunks_is_what_they_hold_and_what_follows_is_the_next_request(what):
    data, expected = CHUNKED[what]
    assert read(data) == (expected, b'next.')


MALFORMED = {
    'a plus': b'+5\r\nhello\r\n0\r\n\r\n',
    'a minus': b'-5\r\nhello\r\n0\r\n\r\n',
    '0x': b'0x5\r\nhello\r\n0\r\n\r\n',
    'an underscore': b'0_5\r\nhello\r\n0\r\n\r\n',
    'a space before the size': b' 5\r\nhello\r\n0\r\n\r\n',
    'no size': b'\r\nhello\r\n0\r\n\r\n',
    'another letter': b'g\r\nhello\r\n0\r\n\r\n',
    'something behind the size': b'5 hello\r\nhello\r\n0\r\n\r\n',
    'a size of nine digits': b'100000000\r\n',
    'LF alone behind the size': b'5\nhello\r\n0\r\n\r\n',
    'CR alone behind the size': b'5\rhello\r\n0\r\n\r\n',
    'a CR in an extension': b'5;a\rb\r\nhello\r\n0\r\n\r\n',
    'a NUL in an extension': b'5;a\0b\r\nhello\r\n0\r\n\r\n',
    'more data than the size': b'4\r\nhello\r\n0\r\n\r\n',
    'less data than the size': b'6\r\nhello\r\n0\r\n\r\n',
    'something else behind the data': b'5\r\nhelloxx0\r\n\r\n',
    'LF alone behind the data': b'5\r\nhello\n0\r\n\r\n',
    'a trailer without a colon': b'0\r\nodd\r\n\r\n',
    'a trailer with a space before the colon': b'0\r\nodd : a\r\n\r\n',
    'a trailer that goes on': b'0\r\nodd: a\r\n b\r\n\r\n',
    'a trailer that ends with LF': b'0\r\nodd: a\n\r\n',
    'the end with LF': b'0\r\n\n',
    'an end within the size': b'5',
    'an end within the data': b'5\r\nhel',
    'an end without the last chunk': b'5\r\nhello\r\n',
    'an end without the last line': b'5\r\nhello\r\n0\r\n',
}


@pytest.mark.parametrize('what', MALFORMED)
def test_chunks_that_rfc_9112_does_not_know_are_malformed(what):
    assert isinstance(refusal(MALFORMED[what]), BadRequest)


def test_chunks_are_refused_as_soon_as_they_hold_more_than_a_body_may(monkeypatch):
    monkeypatch.setattr(body, 'MAX_BODY', 10)
    assert read(b'6\r\nhello \r\n4\r\n1234\r\n0\r\n\r\n') == (b'hello 1234', b'next.')
    for too_large in (b'6\r\nhello \r\n5\r\n', b'b\r\n', b'ffffffff\r\n'):
        assert isinstance(refusal(too_large, leaves=False), TooLarge)


def test_a_body_comes_in_some_chunks_and_no_more(monkeypatch):
    monkeypatch.setattr(body, 'MAX_CHUNKS', 4)
    assert read(b'1\r\na\r\n' * 3 + b'0\r\n\r\n') == (b'aaa', b'next.')
    error = refusal(b'1\r\na\r\n' * 4, leaves=False)
    assert isinstance(error, TooLarge) and '4 chunks' in str(error)


def test_the_line_before_a_chunk_is_bounded(monkeypatch):
    monkeypatch.setattr(body, 'MAX_CHUNK_LINE', 10)
    assert read(b'5;' + b'a' * 6 + b'\r\nhello\r\n0\r\n\r\n') == (b'hello', b'next.')
    assert isinstance(refusal(b'5;' + b'a' * 8, leaves=False), BadRequest)


def test_the_trailers_are_bounded_together(monkeypatch):
    monkeypatch.setattr(body, 'MAX_TRAILERS', 20)
    assert read(b'0\r\n' + b'a: bcd\r\n' * 2 + b'\r\n') == (b'', b'next.')
    assert isinstance(refusal(b'0\r\n' + b'a: bcd\r\n' * 2 + b'abcd', leaves=False), BadRequest)


def test_the_work_for_small_chunks_grows_with_their_number_alone():
    def work(number):
        counted = connections.Work()
        with connections.pair() as (client, server):
            client.sendall(b'1\r\na\r\n' * number + b'0\r\n\r\n')
            source = Incoming(connections.Dripping(server, counted, together=64))
            assert body.read(source, None) == b'a' * number
        return counted.seen + counted.copied
    assert work(2000) < 2.1 * work(1000)


# For WSGI

@settings(max_examples=60)
@given(data=st.text('ab\n', max_size=12).map(str.encode),
       calls=st.lists(st.tuples(st.sampled_from(['read', 'readline']), st.sampled_from([(), (None,), (-1,), (0,), (1,),
                                                                                       (3,), (99,)])), max_size=6))
def test_it_is_read_as_any_file_is(data, calls):
    taken, file = body.Body(data), io.BytesIO(data)
    for method, arguments in calls:
        assert getattr(taken, method)(*arguments) == getattr(file, method)(*arguments)
    assert taken.readlines() == file.readlines()


@pytest.mark.parametrize('lines', [list, body.Body.readlines, lambda taken: taken.readlines(1000)],
                         ids=['iterated', 'readlines', 'readlines with a hint'])
def test_its_lines_come_with_their_ends(lines):
    assert lines(body.Body(b'a\n\nb')) == [b'a\n', b'\n', b'b']


def test_who_takes_it_takes_all_and_it_is_kept_no_longer():
    taken = body.Body(b'{"a": 1}')
    assert taken.take() == b'{"a": 1}'
    assert taken.take() == taken.read() == b''


def test_gevent_finds_nothing_to_throw_away_behind_an_answer():
    """It discards what the application has not read; here that was read from the connection already."""
    with connections.incoming(b'{}GET') as source:
        left = body.Body(body.read(source, 2))
        left._discard()
        assert source.read(3) == b'GET'
