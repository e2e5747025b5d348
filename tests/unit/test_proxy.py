"""wire/proxy.py: the browser behind the dispatcher, beside werkzeug's ProxyFix, which Odoo itself calls."""

import gevent.socket
import pytest
from werkzeug.middleware.proxy_fix import ProxyFix

from web_longpolling.sidecar.wire import proxy
from web_longpolling.sidecar.wire.server import PollServer

DIRECT = {'HTTP_HOST': 'inside:8072', 'REMOTE_ADDR': '127.0.0.1', 'wsgi.url_scheme': 'http'}


def seen(forwarded: dict) -> tuple[str, str, str]:
    """Host, address and scheme that a poll with these headers has, by their names after X-Forwarded-."""
    environ = environment(forwarded)
    proxy.see_browser(environ)
    return environ['HTTP_HOST'], environ['REMOTE_ADDR'], environ['wsgi.url_scheme']


def seen_by_odoo(forwarded: dict) -> tuple[str, str, str]:
    """Those of a request of Odoo 19.0, by its condition and its arguments."""
    environ = environment(forwarded)
    if environ.get('HTTP_X_FORWARDED_HOST'):
        ProxyFix(lambda *_: [], x_for=1, x_proto=1, x_host=1)(environ, lambda *_: None)
    return environ['HTTP_HOST'], environ['REMOTE_ADDR'], environ['wsgi.url_scheme']


def environment(forwarded):
    return {**DIRECT, 'SERVER_NAME': 'inside', 'SERVER_PORT': '8072',
            **{f'HTTP_X_FORWARDED_{name.upper()}': value for name, value in forwarded.items()}}


ALL = {'host': 'www.example.com', 'for': '192.0.2.7', 'proto': 'https'}


def test_the_dispatcher_tells_the_host_the_address_and_the_scheme():
    assert seen(ALL) == ('www.example.com', '192.0.2.7', 'https')


def test_where_it_names_no_host_nothing_of_it_is_believed():
    for host in ({}, {'host': ''}):
        assert seen({'for': '192.0.2.7', 'proto': 'https', **host}) == ('inside:8072', '127.0.0.1', 'http')


def test_what_it_does_not_tell_stays():
    assert seen({'host': 'www.example.com'}) == ('www.example.com', '127.0.0.1', 'http')
    assert seen({'host': 'www.example.com', 'for': '', 'proto': ''}) == ('www.example.com', '127.0.0.1', 'http')


def test_what_stands_before_the_last_dispatchers_own_words_is_not_believed():
    """The client may have sent it."""
    assert seen({'host': 'evil.example, www.example.com', 'for': '203.0.113.9, 192.0.2.7', 'proto': 'ftp,https'}
                ) == ('www.example.com', '192.0.2.7', 'https')


@pytest.mark.parametrize('forwarded', [
    {}, ALL, {'host': 'www.example.com:8443'}, {'host': '[2001:db8::1]:8443', 'for': '2001:db8::7'},
    {'host': ' www.example.com ', 'for': '203.0.113.9 ,  192.0.2.7'}, {'for': '192.0.2.7'}, {'proto': 'https'},
    {'host': 'a,b,c', 'for': '1.1.1.1,2.2.2.2,3.3.3.3', 'proto': 'http,http,https'}, {'host': ''},
    {'host': 'www.example.com', 'for': '192.0.2.7:51234'}, {'host': 'www.example.com', 'port': '8443', 'prefix': '/x'}],
    ids=str)
def test_odoo_sees_the_same(forwarded):
    assert seen(forwarded) == seen_by_odoo(forwarded)


@pytest.mark.parametrize('proxy_mode, expected', [
    (True, ('www.example.com', '192.0.2.7', 'https')), (False, ('inside:8072', '127.0.0.1', 'http'))])
def test_the_dispatcher_is_believed_with_proxy_mode_alone(proxy_mode, expected):
    told = []

    def application(environ, start_response):
        told.append((environ['HTTP_HOST'], environ['REMOTE_ADDR'], environ['wsgi.url_scheme']))
        start_response('200 OK', [('Content-Length', '0')])
        return [b'']

    with gevent.socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        listener.listen()
        server = PollServer(listener, application, 10, proxy_mode)
        server.start()
        with gevent.socket.create_connection(server.address, timeout=10) as connection:
            connection.sendall(b'GET / HTTP/1.1\r\nHost: inside:8072\r\nX-Forwarded-Host: www.example.com\r\n'
                               b'X-Forwarded-For: 203.0.113.9, 192.0.2.7\r\nX-Forwarded-Proto: https\r\n\r\n')
            assert connection.recv(65536).startswith(b'HTTP/1.1 200 ')
        server.stop(timeout=0)
    assert told == [expected]
