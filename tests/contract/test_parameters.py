"""How the browser's parameters reach the controller: `all param are on the controller kwargs`."""

import json

import pytest

DEEP = '[' * 9000


def raw(session, route, body, **headers):
    """A POST of these bytes, with the session's cookies."""
    return session.http.post(session.url + session.path + route, data=body, timeout=30,
                             headers={'Content-Type': 'application/json', **headers})


def get(session, route, data):
    """A GET with this text as `data=`."""
    params = {'data': data}
    if session.session_id:
        params['session_id'] = session.session_id
    return session.http.get(session.url + session.path + route, params=params, timeout=30)


PARAMETERS = {'number': 5, 'text': 'ä€', 'list': [1, {'a': None}], 'true': True, 'float': 1.5}


@pytest.mark.parametrize('method', ['GET', 'POST'])
def test_parameters_are_the_controllers_keyword_arguments(ann, method):
    """param = {...}: all param are on the controller kwargs; GET sends them as data=, POST as its body."""
    assert ann.poll('/echo', PARAMETERS, method=method).json() == PARAMETERS


def test_openerps_session_id_is_no_parameter_of_the_controller(ann):
    """What the host's own protocol needs is taken out again, in the body as in the address."""
    assert ann.poll('/echo', {'a': 1}).json() == {'a': 1}
    assert get(ann, '/echo', '{"a": 1}').json() == {'a': 1}


@pytest.mark.parametrize('data', ['', '  ', '{}'])
def test_parameters_may_be_left_out(ann, data):
    """param = {} and no param at all are the same."""
    assert get(ann, '/echo', data).json() == {}
    if not ann.session_id:      # OpenERP's session_id travels in the body
        assert raw(ann, '/echo', data).json() == {}


def test_a_poll_without_any_parameter_is_answered(visitor):
    """GET without data=, POST without a body."""
    address = visitor.url + visitor.path + '/public'
    assert visitor.http.get(address, timeout=30).json() == {'has': []}
    assert visitor.http.post(address, timeout=30).json() == {'has': []}


def test_a_path_variable_wins_over_a_parameter_of_its_name(ann):
    """A path variable wins over a parameter of the same name."""
    assert ann.poll('/echo/path', {'name': 'parameter', 'other': 1}).json() == {'name': 'path', 'other': 1}
    assert ann.poll('/echo', {'name': 'parameter'}).json() == {'name': 'parameter'}


NOT_OBJECTS = {
    '[1, 2]': 'must be a JSON object',
    '5': 'must be a JSON object',
    'null': 'must be a JSON object',
    '"text"': 'must be a JSON object',
    '{"a": 1': 'is not JSON',
    "{'a': 1}": 'is not JSON',
    'a=1&b=2': 'is not JSON',
    '{"a": NaN}': 'is not JSON',
    '{"a": Infinity}': 'is not JSON',
}


@pytest.mark.parametrize('text', NOT_OBJECTS)
@pytest.mark.parametrize('method', ['GET', 'POST'])
def test_what_is_no_json_object_is_a_bad_request(visitor, method, text, log):
    """A malformed request gets a 400 with one sentence."""
    answer = get(visitor, '/public', text) if method == 'GET' else raw(visitor, '/public', text)
    assert answer.status_code == 400
    assert NOT_OBJECTS[text] in refusal(answer)
    assert 'Traceback' not in log()


def refusal(answer) -> str:
    """The one sentence of an answer that refuses."""
    assert answer.headers['Content-Type'] == 'application/json'
    assert list(answer.json()) == ['error']
    sentence = answer.json()['error']
    assert sentence.endswith('.') and '\n' not in sentence
    return sentence


@pytest.mark.parametrize('body', [b'\xff\xfe', b'{"a": "\xe4"}', DEEP.encode(), b'\x00'],
                         ids=['no UTF-8', 'Latin-1', 'nested too deeply', 'a zero byte'])
def test_malformed_bytes_are_a_bad_request(visitor, body, log):
    """A malformed request gets a 400 with one sentence; nothing of it is a failure of the server."""
    answer = raw(visitor, '/public', body)
    assert answer.status_code == 400
    refusal(answer)
    assert 'Traceback' not in log()


@pytest.mark.parametrize('parameters', [
    {}, {'wanted': 1, 'unwanted': 2}, {'wanted': 1, 'request': 2}, {'wanted': 1, 'self': 2}, {'wanted': 1, '': 2},
    {'wanted': 1, 'ä': 2}], ids=json.dumps)
def test_parameters_that_the_controller_does_not_take_are_a_bad_request(ann, parameters, log):
    """A missing or an unknown parameter is the browser's fault: 400, and the log is quiet."""
    answer = ann.poll('/strict/1', parameters)
    assert answer.status_code == 400
    assert 'do not fit this route' in refusal(answer)
    assert 'Traceback' not in log()
    assert ann.poll('/strict/1', {'wanted': 2}).json() == {'number': 1, 'wanted': 2}


def test_a_type_error_of_the_controllers_own_is_no_bad_request(ann):
    """What goes wrong inside the controller is the server's fault: 500."""
    assert ann.poll('/fails/type').status_code == 500


def test_parameters_that_a_decorated_controller_does_not_take_are_a_bad_request_too(ann, log):
    """The innermost function counts; an error of its own stays one of the server's."""
    answer = ann.poll('/strict/decorated/1', {'wanted': 1, 'other': 2})
    assert answer.status_code == 400
    assert 'do not fit this route' in refusal(answer)
    assert 'Traceback' not in log()
    assert ann.poll('/strict/decorated/1', {'wanted': 2}).json() == {'number': 1, 'wanted': 2}
    assert ann.poll('/strict/decorated/1', {'wanted': 'an error of its own'}).status_code == 500


def test_a_body_of_more_than_a_megabyte_is_too_large(stack, visitor):
    """Sizes are bounded: 413, by the sidecar itself too."""
    body = json.dumps({'a': 'x' * 1024 * 1024}).encode()
    address = stack.sidecar_url + visitor.path + '/public'
    assert raw(visitor, '/public', body).status_code == 413
    answer = visitor.http.post(address, data=body, timeout=30)
    assert answer.status_code == 413
    assert refusal(answer).startswith('A poll may send')
    chunked = visitor.http.post(address, data=iter([body[:1000], body[1000:]]), timeout=30)
    assert chunked.status_code == 413


def test_a_chunked_body_is_read(stack, visitor):
    """A browser or dispatcher may send the body without saying how long it is."""
    answer = visitor.http.post(stack.sidecar_url + visitor.path + '/public', data=iter([b'{"a"', b': 1}']), timeout=30)
    assert answer.status_code == 200


@pytest.mark.parametrize('method', ['PUT', 'DELETE', 'OPTIONS', 'PATCH', 'HEAD'])
def test_a_poll_is_get_or_post(visitor, method):
    """Neither GET nor POST: 405, and Allow says what is possible."""
    answer = visitor.http.request(method, visitor.url + visitor.path + '/public', timeout=30)
    assert answer.status_code == 405
    assert answer.headers['Allow'] == 'GET, POST'


@pytest.mark.parametrize('path', ['/varroute/%ff/%00', '/echo/%0d%0aSet-Cookie:a', '/echo/%25s%25(name)s', '/%2e%2e/x'])
def test_odd_paths_are_no_failure(ann, path, log):
    """Client text never reaches the log format or a header; whatever the path, there is an answer."""
    answer = ann.poll(path)
    assert answer.status_code in (200, 400, 404)
    assert 'Set-Cookie' not in answer.headers
    assert 'Traceback' not in log()
