"""Odoo's Discuss with the addon web_longpolling_bus: as with a WebSocket, whatever becomes of WebSockets."""

import itertools
import os
import statistics

import pytest

from tests.browser.discuss import Person, Site
from tests.support.flaky_proxy import FlakyProxy
from tests.support.held_polls import eventually

pytestmark = pytest.mark.only_on('odoo-19.0')

MODULES = ('mail', 'web_longpolling_bus', 'longpolling_bus_test')
# Seconds of a WebSocket that dies; and until a browser has found out that it does.
LIFE, FOUND_OUT = 10, 90
DISCONNECTS = """() => {
    window.disconnects = [];
    const bus = odoo.__WOWL_DEBUG__.root.env.services.bus_service;
    bus.addEventListener("BUS:DISCONNECT", (event) => disconnects.push(event.detail));
}"""
# How often each of the three says something.
TALKS = int(os.environ.get('DISCUSS_TALKS', '1'))
_numbers = itertools.count(1)


@pytest.fixture(scope='module')
def site(host, up):
    with up(host, install=MODULES, options={'longpolling_timeout': '8'}) as stack, \
            FlakyProxy(stack.host_port) as proxy:
        stack.nginx.change(bus_port=proxy.port)
        site = Site(stack, proxy)
        site.admin.rpc('ir.config_parameter', 'set_param', ['web_longpolling_bus.retry', '5'])
        yield site


@pytest.fixture
def person(site, browser):
    """`person(login)`: a browser of a user, or of a guest, in the channel."""
    people = []

    def come(login=None, **how) -> Person:
        people.append(Person(site, browser, login, **how))
        return people[-1].open()
    site.proxy.life = LIFE
    yield come
    for one in people:
        one.context.close()
    site.proxy.way = 'works'
    site.proxy.drop()
    assert [each for one in people for each in one.complaints()] == []
    eventually(lambda: not site.polls(), seconds=60)
    site.miss_whoever_was_killed()


def word() -> str:
    return f'word{next(_numbers)}x'


def everybody_hears(speaker, *others) -> list[float]:
    said = word()
    speaker.say(said)
    return [one.sees(said) for one in others]


@pytest.mark.parametrize('way', ['refuses', 'hangs', 'dies', 'works'])
def test_two_users_and_a_guest_talk(site, person, way, capsys):
    """Messages, typing, presence, unread counters."""
    site.proxy.way = way
    ann, bob, guest = person('ann'), person('bob'), person()
    if way != 'works':
        eventually(lambda: len(site.polls()) == 3, seconds=FOUND_OUT, pause=0.3)
    took: dict[str, list[float]] = {'message': []}
    for _ in range(TALKS):
        for speaker, *others in ((ann, bob, guest), (bob, ann, guest), (guest, ann, bob)):
            took['message'] += everybody_hears(speaker, *others)
    took['typing'] = ann.types_before('Ann', bob, guest)
    for name in ('Ann', 'Bob', 'Guest'):
        bob.sees_member(name, 'Online')
    chat = bob.session.rpc('longpolling.bus.test', 'chat', [site.partners[:1]])
    took['unread'] = []
    for number in range(1, TALKS + 2):
        last = site.post(word(), chat, bob.session)
        took['unread'].append(ann.sees_unread('Bob', number))
    # As if ann had read them on her telephone.
    ann.session.call('/discuss/channel/mark_as_read', {'channel_id': chat, 'last_message_id': last})
    took['read elsewhere'] = [ann.sees_unread('Bob', 0)]
    assert guest.page.evaluate('window.web_longpolling_bus_leave !== undefined'), 'its bundle is another one'
    bob.leave()
    took['offline'] = [ann.sees_member('Bob', 'Offline')]
    assert len(site.polls()) == (0 if way == 'works' else 2)
    with capsys.disabled():
        print(f'\nWebSocket {way}, median and last, in s: ' + '; '.join(
            f'{what} {statistics.median(times):.3f} {max(times):.3f}' for what, times in took.items()))


def test_two_tabs_and_a_reload(site, person):
    """All tabs of a browser have one poll; who reloads has missed nothing, and is online."""
    site.proxy.way = 'refuses'
    ann, bob = person('ann'), person('bob')
    tab = ann.new_page()
    ann.open(page=tab)
    said = word()
    bob.say(said)
    ann.sees(said)
    ann.sees(said, tab)
    assert len(site.polls()) == 2
    tab.close(run_before_unload=True)
    everybody_hears(bob, ann)
    bob.sees_member('Ann', 'Online')
    ann.page.reload()
    ann.page.wait_for_selector('.o-mail-Composer-input')
    ann.sees(said)
    everybody_hears(bob, ann)
    everybody_hears(ann, bob)
    bob.sees_member('Ann', 'Online')


def test_browsers_without_shared_workers(site, person):
    """As on telephones: each tab has a worker of its own, and polls; the last one that leaves says good-bye."""
    site.proxy.way = 'refuses'
    ann, bob = person('ann', shared=False), person('bob')
    tab = ann.new_page()
    ann.open(page=tab)
    eventually(lambda: len(site.polls()) == 3)
    said = word()
    bob.say(said)
    ann.sees(said)
    ann.sees(said, tab)
    tab.close(run_before_unload=True)
    eventually(lambda: len(site.polls()) == 2)
    everybody_hears(ann, bob)
    bob.sees_member('Ann', 'Online')
    # What the worker itself sends then is cut off now and then.
    assert ann.page.evaluate('[...web_longpolling_bus_leave.values()].map((worker) => worker.polling)') == [True]
    ann.leave()
    bob.sees_member('Ann', 'Offline')


def test_a_sidecar_restarts(site, person):
    """What was sent meanwhile arrives, and no page noticed a thing."""
    site.proxy.way = 'refuses'
    ann, guest = person('ann'), person()
    eventually(lambda: len(site.polls()) == 2)
    ann.page.evaluate(DISCONNECTS)
    site.stack.stop_sidecar()
    said = word()
    site.post(said)
    site.stack.start_sidecar()
    ann.sees(said)
    guest.sees(said)
    assert ann.page.evaluate('disconnects') == []


def test_one_of_two_sidecars_is_killed(site, person):
    site.proxy.way = 'refuses'
    other = site.stack.another_sidecar()
    first = site.stack.sidecars[0]
    try:
        site.stack.dispatch_to(first, other)
        ann, bob = person('ann'), person('bob')
        everybody_hears(ann, bob)
        other.stop(9)
        site.stack.sidecars.remove(other)
        for _ in range(3):
            everybody_hears(ann, bob)
            everybody_hears(bob, ann)
    finally:
        site.stack.dispatch_to(first)
        other.stop()


def test_a_session_ends_and_another_user_comes(site, person):
    """Who logs out in another tab hears nothing more; who logs in then, in the same browser, hears what is his."""
    site.proxy.way = 'refuses'
    ann, bob = person('ann'), person('bob')
    everybody_hears(bob, ann)
    tab = ann.new_page()
    tab.goto(site.stack.url + '/web/session/logout')
    said = word()
    site.post(said)
    bob.sees(said)
    eventually(lambda: [poll['user'] for poll in site.polls()].count(ann.session.uid) == 0)
    assert ann.page.locator('.o-mail-Message', has_text=said).count() == 0
    ann.log_in('admin')
    ann.errors.clear()
    ann.open(page=tab)
    said = word()
    bob.say(said)
    ann.sees(said, tab)
    eventually(lambda: site.admin.uid in [poll['user'] for poll in site.polls()])
    ann.errors.clear()      # the page of a user who is logged out complains


def test_the_websocket_is_taken_when_it_works_again(site, person):
    site.proxy.way = 'refuses'
    ann, bob = person('ann'), person('bob')
    everybody_hears(ann, bob)
    assert len(site.polls()) == 2
    site.proxy.way = 'works'
    eventually(lambda: not site.polls(), seconds=FOUND_OUT, pause=0.3)
    everybody_hears(ann, bob)
    everybody_hears(bob, ann)
    for name in ('Ann', 'Bob'):
        ann.sees_member(name, 'Online')
