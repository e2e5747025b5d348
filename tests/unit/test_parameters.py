"""wire/parameters.py: what the browser sent along, and whether a controller takes it."""

import functools
import json
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from web_longpolling.errors import BadRequest, TooLarge
from web_longpolling.sidecar.wire import parameters
from web_longpolling.sidecar.wire.body import Body

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2 ** 53, 2 ** 53) | st.text(
        st.characters(exclude_categories=['Cs'], exclude_characters='\0')),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('abc', min_size=1), inner, max_size=3))


def post(body: bytes) -> dict:
    """The parameters of a POST with this body."""
    return read(EnvironBuilder(method='POST'), body)


def get(data: str | None) -> dict:
    """Those of a GET with this `data=`, or with no parameter at all."""
    query = '' if data is None else urlencode({'data': data})
    return read(EnvironBuilder(method='GET', query_string=query), b'')


def read(builder, body):
    environ = builder.get_environ()
    environ['wsgi.input'] = Body(body)
    sent = parameters.Sent(Request(environ))
    sent.weight()
    assert environ['wsgi.input'].read() == b'', 'the body is kept no longer'
    return sent.parse()


@settings(max_examples=40)
@given(st.dictionaries(st.text('abcdef', min_size=1), json_values, max_size=4))
def test_any_json_object_arrives_by_post_and_by_get(sent):
    text = json.dumps(sent)
    assert post(text.encode()) == get(text) == sent


def test_nothing_is_no_parameter():
    assert post(b'') == post(b' \n') == get(None) == get('') == {}


@pytest.mark.parametrize('text', ['{', 'null', '[]', '"text"', '5', '{"a": NaN}', '{"a": Infinity}', '{a: 1}',
                                  '[' * 9_000])
def test_anything_else_is_refused_with_one_sentence(text):
    for read in (lambda: post(text.encode()), lambda: get(text)):
        with pytest.raises(BadRequest) as caught:
            read()
        assert str(caught.value).endswith('.') and '\n' not in str(caught.value)


def test_a_body_that_is_no_utf8_is_refused():
    with pytest.raises(BadRequest, match='UTF-8'):
        post(b'{"a": "\xff"}')


@pytest.mark.parametrize('text', ['[' * 100_000, '{"a": [%s0]}' % ('1,' * 60_000)], ids=['lists', 'values'])
def test_more_values_than_a_poll_needs_are_refused(text):
    with pytest.raises(TooLarge):
        post(text.encode())


def test_a_member_is_found_without_parsing_it():
    environ = EnvironBuilder(method='POST').get_environ()
    environ['wsgi.input'] = Body(b'{"a": 1, "session_id" : "0123abc", "b": {"session_id": "other"}, not JSON')
    sent = parameters.Sent(Request(environ))
    assert sent.peek('session_id') == ['0123abc', 'other']
    assert sent.peek('id') == []


# Whether a controller takes them

def plain(request, name, colour=None):
    pass


def any_of_them(request, **kwargs):
    pass


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper


@pytest.mark.parametrize('controller', [plain, logged(plain), logged(logged(plain))],
                         ids=['plain', 'decorated', 'decorated twice'])
@pytest.mark.parametrize('sent, fits', [
    ({'name': 1}, True), ({'name': 1, 'colour': 'blue'}, True), ({}, False), ({'name': 1, 'size': 2}, False),
    ({'name': 1, 'request': 2}, False)])
def test_a_controller_is_called_with_what_it_takes_alone(controller, sent, fits):
    found = parameters.misfit(controller, sent)
    assert (found is None) == fits
    if found is not None:
        assert str(found)


def test_a_controller_with_kwargs_takes_everything_but_a_second_request():
    assert parameters.misfit(any_of_them, {'anything': 1}) is None
    assert parameters.misfit(any_of_them, {'request': 1}) is not None


def test_what_may_be_a_ticket_is_found_wherever_it_stands():
    """A few of them at most, and without parsing; what only looks like one is none."""
    def tokens(body: str) -> list[str]:
        environ = EnvironBuilder(method='POST').get_environ()
        environ['wsgi.input'] = Body(body.encode())
        return parameters.Sent(Request(environ)).tokens()
    token = 'a' * 12 + '.' + 'B' * 31 + '-'
    params = {'token': token, 'longer': 'x' + token, 'shorter': token[1:]}
    assert tokens(json.dumps({'polls': [{'path': '/room', 'params': params}]})) == [token]
    assert tokens(f'{{"a": "{token}"') == [token]        # it need not be JSON yet
    assert 0 < len(tokens(json.dumps([token] * 100))) < 10
