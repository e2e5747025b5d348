"""wire/responses.py: what a poll is answered with."""

import datetime
import decimal
import inspect
import json

import pytest
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Response

from web_longpolling import errors
from web_longpolling.sidecar.news.events import EventBatch, FeedEvent
from web_longpolling.sidecar.wire import responses

OUTCOMES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)
            if issubclass(kind, errors.PollError) and kind is not errors.PollError]


def test_a_controllers_value_is_sent_as_json_with_its_length():
    answer = responses.success('json', {'text': 'Grüße', 'list': [1, None, True]}, str)
    assert answer.status == '200 OK'
    headers = dict(answer.headers)
    assert headers['Content-Type'] == 'application/json' and headers['Content-Length'] == str(len(answer.body))
    assert json.loads(answer.body) == {'text': 'Grüße', 'list': [1, None, True]}


def test_no_answer_is_kept_by_a_cache():
    for answer in (responses.success('json', 1, str), responses.refusal(404, 'no'), responses.NO_CONTENT,
                   responses.INTERNAL_ERROR):
        assert dict(answer.headers)['Cache-Control'] == 'no-store'
        assert dict(answer.headers)['X-Content-Type-Options'] == 'nosniff'


def test_the_hosts_own_types_are_written_by_the_host():
    value = {'when': datetime.date(2026, 1, 2), 'price': decimal.Decimal('1.5')}
    assert json.loads(responses.success('json', value, str).body) == {'when': '2026-01-02', 'price': '1.5'}


@pytest.mark.parametrize('value', [float('nan'), float('inf'), {'a': [float('-inf')]}])
def test_what_json_does_not_have_is_a_mistake_of_the_controller(value):
    with pytest.raises(ValueError):
        responses.success('json', value, str)


@pytest.mark.parametrize('value, body', [('<p>é</p>', '<p>é</p>'.encode()), (b'\xff', b'\xff')])
def test_mode_http_sends_text_as_utf8_and_bytes_as_they_are(value, body):
    answer = responses.success('http', value, str)
    assert answer.body == body and dict(answer.headers)['Content-Type'].startswith('text/html')


def test_mode_http_sends_a_response_with_its_status_and_headers():
    closed = []
    response = Response('teapot', status=418, headers={'X-Size': 'small', 'Cache-Control': 'public', 'Connection': 'x'})
    response.call_on_close(lambda: closed.append(True))
    answer = responses.success('http', response, str, '12')
    assert (answer.status, answer.body, closed) == ("418 I'M A TEAPOT", b'teapot', [True])
    headers = dict(answer.headers)
    assert (headers['X-Size'], headers['Cache-Control'], headers['Content-Length']) == ('small', 'no-store', '6')
    assert headers[responses.POSITION] == '12' and 'Connection' not in headers


@pytest.mark.parametrize('response', [
    Response(iter([b'a'])), Response(part for part in 'ab'), Response('a', headers={'X-Odd': '\u20ac'}),
    Response('a', status=100), Response(b'a', direct_passthrough=True)],
    ids=['iterator', 'generator', 'euro', 'status', 'direct'])
def test_a_response_that_can_not_be_sent_whole_is_refused(response):
    with pytest.raises(responses.NotSendable):
        responses.success('http', response, str)


@pytest.mark.parametrize('value', [None, 1, {'a': 1}, ['text']])
def test_mode_http_takes_nothing_else(value):
    with pytest.raises(TypeError, match="returns str, bytes or a werkzeug Response"):
        responses.success('http', value, str)


def test_followers_of_the_same_get_the_same_bytes():
    batch = EventBatch('12', [FeedEvent(1, 7, 'wall', b'{"text": "hello"}')])
    first, second = (responses.success('json', batch, str, '12') for _ in range(2))
    assert first is second
    assert json.loads(first.body)['events'] == [{'id': 1, 'channel': 'wall', 'payload': {'text': 'hello'}}]


def test_the_position_of_the_page_travels_in_a_header():
    for answer in (responses.success('json', 1, str, '12'), responses.success('http', 'x', str, '12'),
                   responses.no_content('12')):
        assert dict(answer.headers)[responses.POSITION] == '12'
    for answer in (responses.success('json', 1, str), responses.no_content()):
        assert responses.POSITION not in dict(answer.headers)


def test_an_answer_without_content_has_neither_body_nor_length():
    """RFC 9110, 8.6."""
    for answer in (responses.no_content(), responses.no_content('12')):
        assert answer.status == '204 No Content' and answer.body == b''
        assert not {'Content-Length', 'Content-Type'} & set(dict(answer.headers))


@pytest.mark.parametrize('kind', OUTCOMES)
def test_every_outcome_is_one_sentence_with_its_status_and_its_headers(kind):
    error = kind() if kind is errors.ReadCutOff else kind('The sentence.')     # which has one of its own
    answer = responses.failure(error)
    assert answer.status == f'{kind.code} {HTTP_STATUS_CODES[kind.code]}'
    assert json.loads(answer.body) == {'error': str(error)}
    assert set(kind.headers) <= set(answer.headers)
    # Who is to come again is given the time.
    assert (kind.code == 503) == ('Retry-After' in dict(answer.headers))


def test_what_postgresql_says_is_not_for_the_browser():
    answer = responses.failure(errors.DatabaseUnavailable('password authentication failed for user "openerp"'))
    assert b'openerp' not in answer.body


def test_the_answer_to_a_failed_controller_shows_nothing_of_it():
    assert json.loads(responses.INTERNAL_ERROR.body) == {'error': "The controller failed; the server's log says why."}
