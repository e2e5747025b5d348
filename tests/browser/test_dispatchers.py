"""The configurations for nginx and Apache: each with real polls, on each host, with and without TLS."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from tests.browser.conftest import PROMPT, TIMEOUT
from tests.browser.windows import Window
from tests.support.clients import Session
from tests.support.dispatchers import dispatching, make_certificate
from tests.support.held_polls import eventually, held_on
from tests.support.pages import Page

DISPATCHERS = ('nginx', 'apache')
# Seconds after which a poll whose connection was closed is freed: one, and one more for a busy machine.
FREED = 2


@pytest.fixture(scope='session')
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that nobody has signed, and its key."""
    return make_certificate(tmp_path_factory.mktemp('tls'))


def through(site, dispatcher):
    """The stack as a window sees it behind this dispatcher."""
    return SimpleNamespace(host=site.host, db=site.db, path=site.path, url=dispatcher.url, sidecars=site.sidecars)


def visitor(stack, url):
    session = Session(stack.host, url, stack.db, stack.path)
    session.http.verify = False
    return session.login(stack.login, stack.password)


def answered(session, tell, route='/mainpath'):
    """The answer to a held poll, and how many seconds after the word it came."""
    page = begun_page(session, route)
    with ThreadPoolExecutor(1) as pool:
        poll = pool.submit(page.poll)
        time.sleep(1)
        assert not poll.done()
        begun = time.monotonic()
        tell('news')
        answer = poll.result()
        return answer, time.monotonic() - begun


def begun_page(session, route):
    """A page with a connection of its own that has begun to follow: its next poll is held."""
    other = session.clone()
    other.http.verify = session.http.verify
    return Page(other, route).begin()


@pytest.mark.filterwarnings('ignore:Unverified HTTPS request')
@pytest.mark.parametrize('tls', [False, True], ids=['http', 'tls'])
@pytest.mark.parametrize('name', DISPATCHERS)
def test_polls_and_the_hosts_own_requests_go_through(name, tls, site, tell, certificate):
    """`nginx -t` or `apachectl configtest`, a held poll, one that nothing answers, and the headers that arrive."""
    with dispatching(name, site, tls=certificate if tls else None) as dispatcher:
        assert dispatcher.said == ('Syntax OK' if name == 'apache' else '')
        session = visitor(site, dispatcher.url)
        answer, seconds = answered(session, tell)
        assert (answer.status_code, answer.json()['news']) == (200, ['news'])
        assert seconds < PROMPT - 1                         # nothing holds an answer back until the poll would end
        page = begun_page(session, '/mainpath')
        begun = time.monotonic()
        assert page.poll().status_code == 204
        assert time.monotonic() - begun > TIMEOUT - 1
        told = session.poll('/headers', headers={
            'X-Forwarded-For': '10.0.0.66', 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'gopher',
            'X-Longpolling-Browser': '10.0.0.66 80 10.0.0.1 80'}).json()
        told.pop('pid')
        address = dispatcher.url.split('//')[1]
        named = told.pop('X-Longpolling-Browser')
        assert named is None if name == 'nginx' else re.fullmatch(
            rf'127\.0\.0\.1 \d+ {address.replace(":", " ")}', named)
        assert told == {'Host': address, 'X-Forwarded-Host': address, 'X-Forwarded-For': '127.0.0.1',
                        'X-Forwarded-Proto': 'https' if tls else 'http', 'X-Real-IP': '127.0.0.1'}


@pytest.mark.filterwarnings('ignore:Unverified HTTPS request')
@pytest.mark.parametrize('tls', [False, True], ids=['http', 'tls'])
def test_nginx_serves_ipv6_too(tls, site, tell, certificate):
    """The lines "listen [::]:…": a login and a held poll through them."""
    with dispatching('nginx', site, tls=certificate if tls else None, ipv6=True) as dispatcher:
        session = visitor(site, dispatcher.url)
        answer, _ = answered(session, tell)
        assert (answer.status_code, answer.json()['news']) == (200, ['news'])
        told = session.poll('/headers').json()
        assert (told['X-Forwarded-For'], told['X-Real-IP']) == ('::1', '::1')


@pytest.mark.parametrize('name', DISPATCHERS)
def test_the_wall_works_through_it(name, site, browser, post):
    with dispatching(name, site) as dispatcher:
        context = browser.new_context()
        window = Window(context, through(site, dispatcher))
        window.log_in('ann').open_wall()
        post(f'through {name}')
        window.wait_for_note(f'through {name}', PROMPT)
        context.close()
        assert window.complaints() == []


@pytest.mark.parametrize('name', DISPATCHERS)
def test_over_tls_every_tab_polls_at_once_since_all_share_one_connection(
        name, site, browser, certificate, post, tell):
    with dispatching(name, site, tls=certificate) as dispatcher:
        context = browser.new_context(ignore_https_errors=True)
        first = Window(context, through(site, dispatcher)).log_in('ann')
        assert first.page.evaluate('performance.getEntriesByType("navigation")[0].nextHopProtocol') == 'h2'
        first.page.goto('about:blank')
        tabs = [first, *(Window(context, through(site, dispatcher)) for _ in range(7))]
        known = len(site.admin.rpc('longpolling.demo.note', 'search', [[]]))
        for number, tab in enumerate(tabs):
            tab.open('Sample')
            tab.wait_until('longpolling_sample.widget && longpolling_sample.widget.lp')
            tab.page.evaluate('longpolling_sample.widget.lp.stop_longpolling()')
            tab.start_poll('one', f'/count/{name}{number}/{known}')
        first.wait_for(lambda: len(first.held_on('/count/')) == 8, what='eight polls are held')
        post('to all at once')
        tell('count')
        for tab in tabs:
            tab.wait_for(lambda tab=tab: tab.told('one')['answers'], PROMPT)
        context.close()
        for tab in tabs:
            tab.expect('SSL certificate error')     # Odoo's service worker does not like the certificate
            assert tab.complaints() == []


@pytest.mark.parametrize('name', DISPATCHERS)
def test_many_sidecars_share_the_polls_and_one_that_is_killed_is_left_out(name, site, tell):
    second = site.another_sidecar()
    try:
        with dispatching(name, site) as dispatcher, ThreadPoolExecutor(4) as pool:
            session = visitor(site, dispatcher.url)
            polls = []
            for _ in range(4):      # one after the other: who is least busy is known when the last one has arrived
                polls.append(pool.submit(begun_page(session, '/held').poll))
                eventually(lambda: len(held_on(site, '/held')) == len(polls))
            tell('news')
            pids = [poll.result().json() for poll in polls]
            assert len(set(pids)) == 2, dispatcher.log()
            second.stop(9)
            for _ in range(6):
                assert session.poll('/headers').status_code == 200
    finally:
        second.stop()
        site.sidecars.remove(second)


@pytest.mark.parametrize('name', DISPATCHERS)
def test_a_long_polling_path_of_ones_own(name, host, up):
    """`longpolling_path = /otherpath` is set for the host and for the dispatcher, and nowhere else."""
    with up(host, install=('longpolling_demo', 'longpolling_browser'),
            options={'longpolling_path': '/otherpath', 'longpolling_timeout': '5'}) as stack, \
            dispatching(name, stack) as dispatcher:
        session = visitor(stack, dispatcher.url)
        assert session.poll('/headers').status_code == 200
        answer = session.http.post(dispatcher.url + '/openerplongpolling/headers', json={}, timeout=30)
        assert answer.status_code == 404


@pytest.mark.filterwarnings('ignore:Unverified HTTPS request')
@pytest.mark.parametrize('tls', [False, True], ids=['http', 'tls'])
@pytest.mark.parametrize('name', DISPATCHERS)
def test_a_closed_connection_frees_its_poll_within_a_second(name, tls, site, certificate, tell):
    """Apache does not pass it on; the sidecar sees it all the same. A poll whose browser is there stays."""
    with dispatching(name, site, tls=certificate if tls else None) as dispatcher, ThreadPoolExecutor(2) as pool:
        session = visitor(site, dispatcher.url)
        stays = pool.submit(begun_page(session, '/held').poll)
        leaves = begun_page(session, '/held')
        eventually(lambda: len(held_on(site, '/held')) == 1)
        leaving = pool.submit(leaves.poll, timeout=2)
        eventually(lambda: len(held_on(site, '/held')) == 2)
        with pytest.raises(Exception, match='[Tt]imed out'):
            leaving.result()
        eventually(lambda: len(held_on(site, '/held')) == 1, FREED)
        assert not stays.done()
        tell('news')
        assert stays.result().status_code == 200


@pytest.mark.parametrize('what', ['page', 'browser'])
@pytest.mark.parametrize('name', DISPATCHERS)
def test_a_page_over_http_or_a_browser_over_http2_that_is_closed_frees_its_poll(
        name, what, site, browser, certificate):
    with dispatching(name, site, tls=certificate if what == 'browser' else None) as dispatcher:
        context = browser.new_context(ignore_https_errors=True)
        window = Window(context, through(site, dispatcher)).log_in('ann').open('Sample')
        window.wait_until('longpolling_sample.widget && longpolling_sample.widget.lp')
        window.page.evaluate('longpolling_sample.widget.lp.stop_longpolling()')
        window.start_poll('one', '/held')
        window.wait_for(lambda: window.held_on('/held'), what='a poll is held')
        if what == 'page':
            context.new_page()              # so that this one's end is not the browser's
            window.page.close()
        else:
            context.close()
        eventually(lambda: not held_on(site, '/held'), 2 * FREED)       # and what the browser takes to end
        context.close()
