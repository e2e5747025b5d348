"""What a controller returns, and how its mistakes are answered."""

import pytest

FAILED = {'error': "The controller failed; the server's log says why."}


@pytest.mark.parametrize('kind, value', [
    ('none', None), ('number', 5), ('text', 'ä€'), ('list', [1, [2]]), ('false', False)])
def test_mode_json_answers_the_return_value_itself(ann, kind, value):
    """mode 'json': the return value as JSON."""
    answer = ann.poll(f'/json/{kind}')
    assert answer.status_code == 200
    assert answer.headers['Content-Type'] == 'application/json'
    assert answer.json() == value


def test_mode_json_writes_dates_as_the_host_does(ann):
    """mode 'json': dates as the host writes them."""
    assert ann.poll('/json/dates').json() == {'datetime': '2013-08-07 07:15:02', 'date': '2013-08-07'}


@pytest.mark.parametrize('kind, body', [
    ('text', '<p>ä€</p>'.encode()), ('str', b'<p>native</p>'), ('bytes', b'<p>bytes</p>')])
def test_mode_http_sends_a_str_or_bytes_as_it_is(ann, kind, body):
    """mode 'http': a str or bytes."""
    answer = ann.poll(f'/http/{kind}')
    assert answer.status_code == 200
    assert answer.content == body
    assert answer.headers['Content-Type'] == 'text/html; charset=utf-8'


def test_mode_http_sends_a_werkzeug_response(ann):
    """mode 'http': a werkzeug Response, with its own status and headers."""
    answer = ann.poll('/http/response')
    assert answer.status_code == 203
    assert answer.text == 'colour,size\n'
    assert answer.headers['Content-Type'].startswith('text/csv')
    assert answer.headers['X-Test'] == 'from the controller'


@pytest.mark.parametrize('route, secret', [
    ('/fails', 'the secret number is 4711'), ('/json/object', 'secret_key_of_the_object'), ('/json/nan', 'nan'),
    ('/http/dict', 'secret_key_of_the_dict'), ('/json/nosuch', 'nosuch')])
def test_a_controller_that_fails_is_answered_without_internals(ann, route, secret, log):
    """The controller failed: 500, no internals in the body, traceback in the log."""
    answer = ann.poll(route)
    assert answer.status_code == 500
    assert answer.json() == FAILED
    assert secret not in answer.text and 'Traceback' not in answer.text
    assert f"The poll of '/openerplongpolling{route}' failed" in log()
    assert 'Traceback (most recent call last)' in log()


def test_a_failure_is_the_polls_own(ann):
    """After a controller has failed, the next poll of the same connection is answered."""
    assert ann.poll('/fails').status_code == 500
    assert ann.poll('/mainroute').status_code == 200


def test_a_controller_may_abort_with_a_status_of_its_own(ann, log):
    """werkzeug's abort(403) is an answer, as it is in an OpenERP controller."""
    answer = ann.poll('/aborts')
    assert answer.status_code == 403
    assert list(answer.json()) == ['error']
    assert 'Traceback' not in log()


@pytest.mark.parametrize('route', ['/mainroute', '/http/text', '/nothing', '/fails'])
def test_no_answer_is_kept_by_a_cache(ann, route):
    """A poll's answer is of its moment."""
    assert ann.poll(route).headers['Cache-Control'] == 'no-store'
