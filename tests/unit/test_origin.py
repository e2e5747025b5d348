"""wire/origin.py: which site the page is of that sends a poll, by Sec-Fetch-Site and Origin."""

import logging
from types import SimpleNamespace

import pytest

from tests.support import connections
from web_longpolling.sidecar.wire import origin
from web_longpolling.sidecar.wire.incoming import Incoming


@pytest.fixture(autouse=True)
def nothing_logged_yet(monkeypatch):
    monkeypatch.setattr(origin, '_logged', set())


@pytest.fixture(scope='module', params=['127.0.0.1', '::1'])
def source(request):
    """The Incoming of a connection to this address."""
    with connections.pair(request.param) as (_, server):
        yield Incoming(server)


def is_foreign(page, name, site=None, source=None):
    """Whether a page of this Origin is of another site than the server that the browser calls by this name."""
    elsewhere = SimpleNamespace(socket=SimpleNamespace(getsockname=lambda: ('192.0.2.1', 8072)))
    environ = {'longpolling.incoming': source or elsewhere}
    for key, value in (('HTTP_ORIGIN', page), ('HTTP_HOST', name), ('HTTP_SEC_FETCH_SITE', site)):
        if value is not None:
            environ[key] = value
    return origin.is_foreign(environ)


def test_who_is_no_browser_says_nothing_and_is_taken():
    assert not is_foreign(None, 'www.example.com')


SAME = [
    ('http://www.example.com', 'www.example.com'),
    ('http://www.example.com:8069', 'www.example.com:8069'),
    ('http://WWW.example.com', 'www.EXAMPLE.com'),
    ('http://[::1]:8069', '[::1]:8069'),
    ('http://www.example.com:80', 'www.example.com'),
    ('http://www.example.com', 'www.example.com:80'),
    ('https://www.example.com', 'www.example.com:443'),
]


@pytest.mark.parametrize('page, name', SAME)
def test_a_page_of_the_host_that_it_polls_is_of_this_site(page, name):
    """The port of the scheme may be said or left out."""
    assert not is_foreign(page, name)


@pytest.mark.parametrize('name', ['www.example.com', 'www.example.com:443', 'www.example.com:80'])
def test_the_scheme_that_the_dispatcher_speaks_with_us_tells_nothing(name):
    """It ends TLS, and passes the name on with the port of one scheme or the other."""
    assert not is_foreign('https://www.example.com', name)


OTHER = [
    ('http://evil.example', 'www.example.com'),
    ('http://www.example.com.evil.example', 'www.example.com'),
    ('http://evil-www.example.com', 'www.example.com'),
    ('http://example.com', 'www.example.com'),
    ('http://www.example.com:8080', 'www.example.com'),
    ('http://www.example.com', 'www.example.com:8069'),
    ('http://www.example.com:4430', 'www.example.com:443'),
    ('https://www.example.com:80', 'www.example.com'),
    ('http://evil.example', ''),
    ('http://evil.example', None),
    ('chrome-extension://abcdef', 'www.example.com'),
]


@pytest.mark.parametrize('page, name', OTHER)
def test_a_page_of_another_host_or_port_is_of_another_site(page, name):
    assert is_foreign(page, name)


@pytest.mark.parametrize('page', ['null', '', 'www.example.com', 'file://', 'http://'])
def test_an_origin_that_names_no_host_is_of_another_site(page):
    """A sandboxed frame, a file and a data: address say so."""
    assert is_foreign(page, 'www.example.com')
    assert is_foreign(page, '')


@pytest.mark.parametrize('page', [None, 'http://www.example.com', 'http://evil.example'])
def test_what_the_browser_calls_cross_site_is_of_another_site_whatever_the_origin(page):
    assert is_foreign(page, 'www.example.com', 'cross-site')


@pytest.mark.parametrize('site', ['same-origin', 'none'])
@pytest.mark.parametrize('page', [None, 'http://www.example.com', 'http://inside', 'null'])
def test_what_the_browser_calls_same_origin_or_the_users_own_doing_is_taken(page, site):
    """No script can write this header; where it comes, it knows better than names that a dispatcher may change."""
    assert not is_foreign(page, 'www.example.com', site)


@pytest.mark.parametrize('site', ['same-site', 'something new', ''])
def test_of_the_same_domain_the_origin_decides(site):
    """A neighbour's page on shop.example.com is no page of www.example.com."""
    assert not is_foreign(None, 'www.example.com', site)
    assert not is_foreign('http://www.example.com', 'www.example.com', site)
    assert is_foreign('http://shop.example.com', 'www.example.com', site)


def test_behind_a_dispatcher_that_names_the_sidecar_the_origin_tells_nothing(source):
    """nginx's default: the header Host is then the address of the upstream server."""
    address, port = source.socket.getsockname()[:2]
    own = f'[{address}]' if ':' in address else address
    assert not is_foreign('http://www.example.com', f'{own}:{port}', source=source)
    assert is_foreign('http://www.example.com', f'{own}:{port + 1}', source=source)
    assert is_foreign('http://www.example.com', own, source=source)
    assert is_foreign('http://www.example.com', f'{own}:{port}', 'cross-site', source=source)
    assert is_foreign('null', f'{own}:{port}', source=source)


# The log

@pytest.fixture
def logged(caplog):
    """Gives what was logged until now."""
    caplog.set_level(logging.WARNING, origin.__name__)
    return lambda: [record.getMessage() for record in caplog.records]


def test_the_administrator_is_told_once_which_names_differ_and_what_to_do(logged):
    for _ in range(3):
        is_foreign('https://www.example.com', 'inside:8072')
    sentence, = logged()
    assert "'www.example.com'" in sentence and "'inside:8072'" in sentence
    assert 'Host' in sentence and 'proxy_mode' in sentence


def test_nothing_is_logged_of_what_the_browser_itself_calls_another_site(logged):
    is_foreign('http://evil.example', 'www.example.com', 'cross-site')
    is_foreign('null', 'www.example.com')
    is_foreign('http://www.example.com', 'www.example.com')
    assert logged() == []


def test_what_a_client_can_write_to_the_log_is_bounded(logged):
    """One line a name, in so many characters, and a hundred names in all."""
    for number in range(150):
        is_foreign('http://evil\n' + 'x' * 1000, f'{number}' + 'y' * 1000)
    assert len(logged()) == 100
    assert all('\n' not in line and len(line) < 800 for line in logged())
    assert len(origin._logged) == 100
