"""wire/received.py: cookies as werkzeug 0.9.6 of OpenERP 7.0 reads them, in time that grows with their length alone.

How long the costly ones take on a host is in tests/contract/test_bounded.py, and what odd ones mean to it in
tests/contract/test_sessions.py; here the work is counted.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.http import dump_cookie
from werkzeug.wrappers import Request

from tests.support.connections import Work
from web_longpolling.sidecar.wire.received import Received, pairs

# RFC 6265, 4.1.1: what a cookie's name and value may be of.
TOKEN = st.text("abcXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=8)
VALUE = st.text("abcXYZ019!#$%&'()*+-./:<=>?@[]^_`{|}~", max_size=8)


def cookies(header) -> dict[str, str]:
    return dict(pairs(header.encode('latin-1')))


def werkzeugs(header) -> dict[str, str]:
    return Request({'HTTP_COOKIE': header}).cookies.to_dict()


def test_without_the_header_there_are_none():
    assert Received({}).cookies.to_dict() == cookies('') == {}


def test_odoos_werkzeug_reads_them_itself():
    assert Received({'HTTP_COOKIE': 'a="; b=1'}).cookies.to_dict() == werkzeugs('a="; b=1')


# Those that werkzeug 0.9.6 of OpenERP 7.0 and 3.1 of Odoo 19.0 agree on.
HEADERS = {
    'a=1': {'a': '1'},
    'a=1; b=2': {'a': '1', 'b': '2'},
    'a=1;b=2;': {'a': '1', 'b': '2'},
    ' a=1 ;\tb=2': {'a': '1', 'b': '2'},
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
@given(st.lists(st.tuples(TOKEN, VALUE | VALUE.map('"{}"'.format)), max_size=5, unique_by=lambda pair: pair[0]))
def test_any_that_a_browser_may_keep_are_read_as_the_host_does(kept):
    header = '; '.join(f'{name}={value}' for name, value in kept)
    assert cookies(header) == werkzeugs(header)


@settings(max_examples=80)
@given(st.text(st.characters(exclude_categories=['Cs']), max_size=12))
def test_any_text_that_the_host_has_set_comes_back(text):
    """werkzeug quotes what no cookie may hold."""
    header = dump_cookie('a', text, path=None)
    assert cookies(header + '; b=1') == {'a': text, 'b': '1'}


# As werkzeug 0.9.6 reads them; that of Odoo 19.0 drops most.
ODD = {
    'a="; b=1': {'a': '"', 'b': '1'},
    'a; b=1': {'a; b': '1'},
    '; b=1': {'; b': '1'},
    'a=1;;; b=2': {'a': '1', ';; b': '2'},
    '==b=1': {'b': '1'},
    'a="b;c"; d="e;': {'a': 'b;c', 'd': '"e'},
    'a="b" c; d=1': {'a': '"b" c', 'd': '1'},
    'a=1; Path=/; httponly=; b=2': {'a': '1', 'b': '2'},
    '"a"=1; c': {'a': '1'},
    'a=first; a=second': {'a': 'second'},
}


@pytest.mark.parametrize('header', ODD)
def test_odd_ones_are_read_as_openerp_reads_them(header):
    assert cookies(header) == ODD[header]


def test_what_is_no_text_is_replaced_and_fails_nobody():
    """WSGI's text is bytes; a client may send any of them."""
    assert cookies('a=\xff; b=\xc3\xa9; \xff=1; c') == {'a': '\ufffd', 'b': 'é', '\ufffd': '1'}


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
        assert len(dict(pairs(header))) < 5
        return counted.seen + counted.copied
    assert work(2000) < 2.1 * work(1000)
    assert work(1000) < 10 * 1000 * len(COSTLY[what]) + 100
