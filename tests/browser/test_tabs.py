"""Many tabs of one browser, which opens six connections to a host and no more: they share one."""

import json
import os
import random
import re
import statistics
from pathlib import Path

import pytest

from tests.browser.conftest import PROMPT, TIMEOUT, moved
from tests.browser.worker import Worker

# A page over plain http, on a name that is not localhost: browsers have no Web Locks there.
NAME = 'erp.test'
TABS = 8
CHANNELS = ('one', 'two', 'three', 'four', 'five', 'six')
# Seconds, of one event each, and trials: as many as every run has the time for. A whole minute and 200 trials are
# BROWSER_EVENTS=60 and BROWSER_TRIALS=200 in the environment.
EVENTS = int(os.environ.get('BROWSER_EVENTS', '12'))
TRIALS = int(os.environ.get('BROWSER_TRIALS', '40'))

# The host's own requests, one after the other, in milliseconds each.
RPC = """async () => {
    const took = [];
    for (let number = 0; number < 15; number += 1) {
        const begun = performance.now();
        await fetch("/web/webclient/version_info", {method: "POST", body: "{}",
            headers: {"Content-Type": "application/json"}}).then((answer) => answer.text());
        took.push(performance.now() - begun);
    }
    return took;
}"""

# The page believes that its scripts are of an earlier release: the version is that which an old bundle would have.
OLD_RELEASE = """(() => {
    const core = {};
    Object.defineProperty(core, "VERSION", {get: () => "old", set: () => undefined});
    Object.defineProperty(globalThis, "web_longpolling_core", {value: core, writable: true});
})()"""


@pytest.fixture
def tabs(windows):
    """`tabs(n)`: so many tabs of one user, in one browser."""
    def open_tabs(number, **how):
        first = windows('ann', **how)
        return [first, *(windows(beside=first) for _ in range(number - 1))]
    return open_tabs


def follow(window, *channels):
    """A loop for each channel, which has begun to follow."""
    for channel in channels:
        window.start_poll(channel, f'/channel/{channel}')
    names = json.dumps(channels)
    window.wait_until(f'{names}.every((name) => polls[name].lp.loop.since)')


def heard(window, channel) -> list:
    return [payload for answer in window.told(channel)['answers'] for payload in answer]


def wait_for_one_poll(windows, path):
    """Until all tabs are at the same position, which an event or the timeout brings about."""
    windows[0].wait_for(lambda: len(windows[0].held_on(path)) == 1, 2 * TIMEOUT + 10, f'one poll on {path}')


def test_ten_tabs_on_one_path_hold_one_poll_and_all_get_the_note(tabs, post):
    walls = [tab.open_wall() for tab in tabs(10)]
    for text in ('to all ten tabs', 'and another one'):
        post(text)
        for wall in walls:
            wall.wait_for_note(text, 10)
        wait_for_one_poll(walls, '/wall')
    for wall in walls:
        assert [wall.notes().count(text) for text in ('to all ten tabs', 'and another one')] == [1, 1]


def connections(site) -> int:
    """Open connections to the sidecar."""
    port = f':{site.sidecars[0].port:04X}'
    return sum(line.split()[1].endswith(port) and line.split()[3] == '01'
               for line in Path('/proc/net/tcp').read_text().splitlines()[1:])


def test_on_plain_http_eight_tabs_with_six_loops_each_hold_one_connection(tabs, site, tell, record_property):
    """And over HTTP/1.1."""
    opened = tabs(TABS, anew=True)
    opened[0].page.goto('about:blank')      # the first page of the host may poll
    opened[0].enter()
    assert opened[0].page.evaluate('[isSecureContext, performance.getEntriesByType("navigation")[0].nextHopProtocol]'
                                   ) == [False, 'http/1.1']
    alone = statistics.median(opened[0].page.evaluate(RPC))
    opened[0].wait_for(lambda: not opened[0].held_on('/channel'))
    before = connections(site)
    for tab in opened:
        follow(tab, *CHANNELS)
    worker = Worker(opened[0])
    assert len(worker.targets()) == 1
    for channel in CHANNELS:
        tell(f'to all on {channel}', channel)
    for tab in opened:
        for channel in CHANNELS:
            tab.wait_for(lambda tab=tab, channel=channel: heard(tab, channel), PROMPT, f'news of {channel}')
            assert heard(tab, channel) == [f'to all on {channel}']
    opened[0].wait_for(lambda: len(opened[0].held_on('/channel')) == len(CHANNELS), what='equal polls are one')
    assert connections(site) <= before + 1
    beside = statistics.median(opened[-1].page.evaluate(RPC))
    record_property('rpc_ms_alone_and_beside_48_loops', [alone, beside])
    print(f"{site.host}: the host's own RPC takes {alone:.1f} ms alone and {beside:.1f} ms beside 48 loops (medians)")


def test_an_event_a_second_reaches_every_tab_once(tabs, tell, site, record_property):
    """48 loops, on random channels."""
    opened = tabs(TABS, anew=True)
    for tab in opened:
        follow(tab, *CHANNELS)
    worker = Worker(opened[0]).watch()
    told = {channel: [] for channel in CHANNELS}
    chance = random.Random(7)
    for number in range(EVENTS):
        channel = chance.choice(CHANNELS)
        told[channel].append(number)
        tell(number, channel)
        opened[0].page.wait_for_timeout(1000)
    for tab in opened:
        for channel in CHANNELS:
            tab.wait_for(lambda tab=tab, channel=channel: len(heard(tab, channel)) >= len(told[channel]), PROMPT)
            assert heard(tab, channel) == told[channel]
            assert tab.told(channel)['errors'] == []
    record_property('requests_and_bytes', [len(worker.requests), worker.received])
    print(f'{site.host}: {EVENTS} events to 48 loops in {TABS} tabs took {len(worker.requests)} requests, '
          f'{sum(map(len, filter(None, worker.requests)))} bytes of bodies sent, {worker.received} bytes received')


def test_the_shortest_controller_is_never_stale(windows, site):
    """Wait and read, and two quick writes: the page ends with the second."""
    window = windows('ann')
    window.start_poll('latest', '/latest')
    window.wait_until('polls.latest.answers.length')
    create = [site.admin.clone(), site.admin.clone()]
    for _ in range(TRIALS):
        for session in create:
            [written] = [session.rpc('longpolling.demo.note', 'create', [{'text': 'quick'}])]
        newest = written[0] if isinstance(written, list) else written
        window.wait_until(f'polls.latest.answers.at(-1)[0] === {newest}', PROMPT)


@pytest.mark.parametrize('way', ['closed', 'left', 'frozen'])
def test_a_tabs_polls_end_with_the_tab(tabs, tell, way):
    first, second = tabs(2)
    follow(first, 'one')
    follow(second, 'two')
    second.wait_for(lambda: len(second.held_on('/channel')) == 2)
    if way == 'closed':
        first.page.close()
    elif way == 'left':
        first.page.goto('about:blank')
    else:
        # The browser says so first; headless, it does not come to it, so the event is this test's own.
        first.page.evaluate('document.dispatchEvent(new Event("freeze"))')
    second.wait_for(lambda: len(second.held_on('/channel')) == 1, PROMPT, 'its poll ends')
    tell('news', 'two')
    second.wait_for(lambda: heard(second, 'two') == ['news'], PROMPT)


def test_a_frozen_tab_misses_no_note(tabs, post):
    walls = [tab.open_wall() for tab in tabs(3)]
    frozen, *others = walls
    frozen.page.evaluate('document.dispatchEvent(new Event("freeze"))')
    post('while a tab was frozen')
    for wall in others:
        wall.wait_for_note('while a tab was frozen', PROMPT)
    frozen.page.wait_for_timeout(500)
    assert 'while a tab was frozen' not in frozen.notes()
    frozen.page.evaluate('document.dispatchEvent(new Event("resume"))')
    frozen.wait_for_note('while a tab was frozen', PROMPT)
    post('after it was resumed')
    for wall in walls:
        wall.wait_for_note('after it was resumed', PROMPT)
        assert wall.notes()[-2:] == ['while a tab was frozen', 'after it was resumed']


def test_a_tab_that_hangs_holds_nobody_up_and_misses_no_note(tabs, post):
    """A dialog stops its scripts."""
    walls = [tab.open_wall() for tab in tabs(3)]
    hung, *others = walls
    dialogs = []
    # Playwright takes no builtin method.
    hung.page.on('dialog', lambda dialog: dialogs.append(dialog))       # noqa: PLW0108
    hung.page.evaluate('() => { setTimeout(() => alert("Nobody is here.")) }')
    hung.wait_for(lambda: dialogs)
    texts = [f'while a tab hung {number}' for number in range(3)]
    for text in texts:
        post(text)
        for wall in others:
            wall.wait_for_note(text, PROMPT)
    dialogs[0].accept()
    for wall in walls:
        wall.wait_for_note(texts[-1], PROMPT)
        assert wall.notes()[-3:] == texts


@pytest.mark.parametrize('what', ['the first tab', 'the worker'])
def test_whatever_crashes_the_others_go_on_and_miss_no_note(tabs, post, what):
    """The worker lives in the process of the tab that began it, and is gone with it without a word."""
    walls = [tab.open_wall() for tab in tabs(3)]
    first, *others = walls
    before, after = f'before {what} crashed', f'after {what} crashed'
    post(before)
    for wall in walls:
        wall.wait_for_note(before, PROMPT)
    if what == 'the worker':
        Worker(first).crash()
    else:
        crashed = []
        first.page.on('crash', lambda page: crashed.append(page))       # noqa: PLW0108
        with pytest.raises(Exception, match='chrome://crash'):
            first.page.goto('chrome://crash', timeout=5000)
        others[0].wait_for(lambda: crashed)
    post(after)
    for wall in others:
        wall.wait_for_note(after, 15)
        assert wall.notes()[-2:] == [before, after]
        assert not [text for text in wall.warnings if 'not shared' in text]
    wait_for_one_poll(others, '/wall')


def test_users_of_one_browser_never_share_a_poll(windows, tell):
    """Two users in one browser are two browsers to the server: private windows, or one after the other."""
    ann, bob = windows('ann'), windows('bob')
    for window in (ann, bob):
        follow(window, 'one')
    ann.wait_for(lambda: len({poll['user'] for poll in ann.held_on('/channel')}) == 2)
    tell('to both', 'one')
    for window in (ann, bob):
        window.wait_for(lambda window=window: heard(window, 'one') == ['to both'], PROMPT)


def change_login(window, cookies):
    """What a login in another tab does. An answer to a request that was under way may set the old cookie again."""
    def changed():
        before = {cookie['name']: cookie['value'] for cookie in window.context.cookies()}
        window.context.add_cookies(cookies)
        return all(before.get(cookie['name']) == cookie['value'] for cookie in cookies)
    window.page.wait_for_timeout(1000)
    window.wait_for(lambda: changed() or window.page.wait_for_timeout(500))


def test_another_user_in_the_same_browser_ends_the_loop_as_logged_out(windows, cookies, site, tell):
    """The page of the first would get what is the second's."""
    ann = windows('ann', anew=True)
    follow(ann, 'one')
    bob = windows(beside=ann)
    if site.host == 'odoo-19.0':
        change_login(ann, [cookie for cookie in moved(cookies('bob'), NAME)['cookies']
                           if cookie['name'] == 'session_id'])
    else:       # has a session for each login in that of the browser, and keeps track of them by more than the cookie
        bob.log_out().log_in('bob')
    follow(bob, 'one')
    ann.wait_for(lambda: ann.told('one')['errors'] == [[401, 'error']], 2 * TIMEOUT)
    tell('for bob', 'one')
    bob.wait_for(lambda: heard(bob, 'one') == ['for bob'], PROMPT)
    assert ann.told('one')['states'][-1] == 'logged_out'
    assert heard(ann, 'one') == []
    why = 'Another user is' if site.host == 'odoo-19.0' else 'Nobody is'
    assert [text for text in ann.warnings if f'no more polls of /channel/one: 401, {why} logged in' in text]


def test_pages_of_two_releases_in_one_browser_go_on_each_with_its_own(tabs, tell):
    """Their scripts may not understand each other."""
    old, new = tabs(2)
    old.page.add_init_script(OLD_RELEASE)
    for window in (old, new):
        follow(window, 'one')
    assert [text for text in old.warnings if re.search('not shared between tabs.*another release', text)]
    assert not [text for text in new.warnings if 'not shared' in text]
    new.wait_for(lambda: len(new.held_on('/channel')) == 2)
    tell('to both', 'one')
    for window in (old, new):
        window.wait_for(lambda window=window: heard(window, 'one') == ['to both'], PROMPT)


def test_a_page_in_the_back_forward_cache_resumes(windows, site, post):
    window = windows('ann').open_wall()
    window.page.evaluate("""() => addEventListener("pageshow", (event) => { window.persisted = event.persisted })""")
    window.page.goto('about:blank')
    post('while the page was in the cache')
    window.page.go_back(wait_until='commit')
    window.wait_for_note('while the page was in the cache', 10)
    window.wait_for_state('live')
    assert window.notes().count('while the page was in the cache') == 1
    # Odoo 19.0 itself forbids the browser to keep its pages: there the page is loaded anew.
    if site.host == 'openerp-7.0':
        assert window.page.evaluate('window.persisted')


def test_a_public_page_polls_a_route_that_needs_no_login(browser, site):
    """On Odoo, where public pages have the class too."""
    if site.host == 'openerp-7.0':
        return      # it has no public pages
    context = browser.new_context()
    page = context.new_page()
    page.goto(f'{site.url}/web/login?db={site.db}')
    page.wait_for_function('odoo.loader.modules.get("@web_longpolling/longpolling")')
    assert page.evaluate("""() => new Promise((resolve) => {
        const { longpolling_service } = odoo.loader.modules.get("@web_longpolling/longpolling");
        const end = longpolling_service.start().poll("/anybody", {}, (answer) => { end(); resolve(answer); },
            (xhr) => { end(); resolve(xhr.status); });
    })""") == 'hello'
    context.close()
