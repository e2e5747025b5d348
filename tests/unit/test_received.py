"""wire/received.py: cookies as the hosts' werkzeug reads them, in time that grows with their length alone.

How long the costly ones take on a host is in tests/contract/test_bounded.py; here the work is counted.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.http import dump_cookie
from werkzeug.wrappers import Request

from tests.support.connections import Work
from web_longpolling.sidecar.wire.received import Received

# RFC 6265, 4.1.1: what a cookie's name and value may be of.
TOKEN = st.text("abcXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=8)
VALUE = st.text("abcXYZ019!#$%&'()*+-./:<=>?@[]^_`{|}~", max_size=8)


def cookies(header) -> dict[str, str]:
    return Received({'HTTP_COOKIE': header}).cookies.to_dict()


def werkzeugs(header) -> dict[str, str]:
    return Request({'HTTP_COOKIE': header}).cookies.to_dict()


def test_without_the_header_there_are_none():
    assert Received({}).cookies.to_dict() == cookies('') == {}


# Those that werkzeug 0.9.6 of OpenERP 7.0 and 3.1 of Odoo 19.0 agree on.
HEADERS = {
    'a=1': {'a': '1'},
    'a=1; b=2': {'a': '1', 'b': '2'},
    'a=1;b=2;': {'a': '1', 'b': '2'},
    ' a=1 ;\tb=2': {'a': '1', 'b': '2'},
    'a=1;;; b=2': {'a': '1', 'b': '2'},
    'a=b=c==': {'a': 'b=c=='},
    'a=': {'a': ''},
    'a=""': {'a': ''},
    'a="b"': {'a': 'b'},
    'a="b c, d"': {'a': 'b c, d'},
    r'a="\"\\\054\073"': {'a': '"\\,;'},
    r'a="\303\251"': {'a': 'é'},
    r'a="\377"': {'a': '\ufffd'},
    '__Host-a=1; $b=2': {'__Host-a': '1', '$b': '2'},
}


@pytest.mark.parametrize('header', HEADERS)
def test_cookies_are_read_as_both_hosts_read_them(header):
    assert cookies(header) == HEADERS[header] == werkzeugs(header)


@settings(max_examples=80)
@given(st.lists(st.tuples(TOKEN, VALUE | VALUE.map('"{}"'.format)), max_size=5))
def test_any_that_a_browser_may_keep_are_read_as_the_host_does(pairs):
    header = '; '.join(f'{name}={value}' for name, value in pairs)
    assert cookies(header) == werkzeugs(header)


@settings(max_examples=80)
@given(st.text(st.characters(exclude_categories=['Cs']), max_size=12))
def test_any_text_that_the_host_has_set_comes_back(text):
    """werkzeug quotes what no cookie may hold."""
    header = dump_cookie('a', text, path=None)
    assert cookies(header + '; b=1') == {'a': text, 'b': '1'}


def test_of_two_of_the_same_name_it_is_the_one_that_the_host_takes():
    """Which one that is, werkzeug's class of a request decides: otherwise a page could name a session of its own."""
    header = 'session_id=first; a=1; session_id=second'
    assert cookies(header)['session_id'] == werkzeugs(header)['session_id'] == 'first'
    assert type(Received({'HTTP_COOKIE': header}).cookies) is Request.dict_storage_class


def test_a_quote_alone_is_a_value():
    """As OpenERP 7.0 takes it; Odoo 19.0 drops the cookie."""
    assert cookies('a="; b=1') == {'a': '"', 'b': '1'}


def test_what_is_no_text_is_replaced_and_fails_nobody():
    """WSGI's text is bytes; a client may send any of them."""
    assert cookies('a=\xff; b=\xc3\xa9; \xff=1; c') == {'a': '\ufffd', 'b': 'é', '\ufffd': '1', 'c': ''}


COSTLY = {
    'semicolons': ';', 'spaces': ' ', 'names': 'a;', 'values': 'a=b;', 'equals signs': '=', 'quotes': '"',
    'escapes': '\\"', 'quoted values': 'a="\\"";',
}


@pytest.mark.parametrize('what', COSTLY)
@pytest.mark.parametrize('before', ['', 'a="'], ids=['bare', 'quoted'])
def test_the_work_grows_with_the_length_alone(what, before):
    """Each byte is looked at, and copied, some few times, however many cookies there are."""
    def work(number):
        counted = Work()
        header = counted.count((before + COSTLY[what] * number).encode())
        assert len(Received({'HTTP_COOKIE': header}).cookies) < 5
        return counted.seen + counted.copied
    assert work(2000) < 2.1 * work(1000)
    assert work(1000) < 10 * 1000 * len(COSTLY[what]) + 100
