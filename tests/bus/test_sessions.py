"""Sessions that get a new name, that end, and that become another user's."""

from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.support.bus_client import ONLINE
from tests.support.clients import expire, grow_old, rotate, visit
from tests.support.held_polls import eventually, held_on

pytestmark = pytest.mark.only_on('odoo-19.0')


@pytest.fixture
def person(stack, admin):
    """Somebody whose sessions are his own; its id."""
    numbers = admin.rpc('res.users', 'search', [[('login', '=', 'dora')]])
    user = numbers[0] if numbers else admin.create_user('dora', 'dora')
    return visit(stack, 'dora'), user


@pytest.fixture
def there(client, send):
    """`there(session, channel)`: a browser whose user is there, and which has been told what there was to tell."""
    def come(session, channel):
        browser = client(session, channel)
        assert browser.event('update_presence', ONLINE) == {'renewed': True}
        send(channel, 'first')
        browser.poll_until(browser.payloads)
        return browser
    return come


@pytest.fixture
def holds(stack):
    """`holds(browser)`: the status, in the future, of a poll of this browser that the sidecar holds."""
    with ThreadPoolExecutor() as threads:
        def begin(browser) -> Future:
            status = threads.submit(browser.poll)
            eventually(lambda: status.done() or held_on(stack, '/web_longpolling_bus/messages'))
            return status
        yield begin


def test_a_session_gets_a_new_name_and_nobody_notices(stack, person, there, holds, send, status):
    """Odoo renames a session every three hours. Whichever request of the bus's it is, the next ones go on with it."""
    session, user = person
    browser = there(session, 'rotates')
    held = holds(browser)
    renewed = rotate(stack, session)        # by another request of the browser's
    send('rotates', 'held')
    assert held.result() == 200
    browser.session.http.cookies.update(renewed.http.cookies)
    for number, request in enumerate((browser.renew, lambda: browser.event('update_presence', ONLINE),
                                      lambda: browser.subscribe('rotates'))):
        before = browser.session.cookie
        grow_old(stack, browser.session)
        assert 'expired' not in request()
        assert browser.session.cookie != before
        send('rotates', number)
        browser.poll_until(lambda: len(browser.payloads()) == number + 3)       # noqa: B023  called at once
    assert browser.payloads() == ['first', 'held', 0, 1, 2]
    before = browser.session.cookie
    grow_old(stack, browser.session)
    browser.leave()
    assert browser.session.cookie == before, 'a page that is gone takes no cookie'
    assert status(user) == 'offline'


@pytest.mark.parametrize('how', ['logs out', 'expires'])
def test_a_session_ends(stack, person, there, holds, send, status, how):
    """Nothing is told any more, nothing is done, and the user is offline when the browser says good-bye."""
    session, user = person
    browser = there(session, how)
    held = holds(browser)
    if how == 'logs out':
        session.logout()
    else:
        expire(stack, session)
    send(how, 'secret')
    assert held.result() == 401
    assert browser.renew() == browser.event('update_presence', ONLINE) == browser.subscribe(how) == {'expired': True}
    assert browser.poll() == 401
    assert browser.payloads() == ['first']
    browser.leave()
    assert status(user) == 'offline'


def test_the_same_user_logs_in_again_and_goes_on(person, there, send, status):
    """In another tab: the cookie is a new one, the browser and its user are the same."""
    session, user = person
    browser = there(session, 'again')
    browser.session.logout()
    send('again', 'meanwhile')
    browser.session.login('dora', 'dora')
    assert 'ticket' in browser.subscribe('again')
    assert browser.event('update_presence', ONLINE) == {'renewed': True}
    browser.poll_until(lambda: len(browser.payloads()) == 2)
    assert browser.payloads() == ['first', 'meanwhile']
    browser.leave()
    assert status(user) == 'offline'
