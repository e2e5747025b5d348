"""Many tabs of one browser, which opens six connections to a host and no more."""

import time

import pytest

from tests.browser.conftest import TIMEOUT

TABS = 10
# Seconds until a tab has taken over from one that hangs: twice what a poll may take, 10 s more than its timeout
# (static/src/js/loop.js, locks.js); and something for a busy machine.
PATIENCE = 2 * (TIMEOUT + 10) + 20


@pytest.fixture
def tabs(windows):
    """`tabs(n)`: so many tabs of one user, in one browser."""
    def open_tabs(number):
        first = windows('ann')
        return [first, *(windows(beside=first) for _ in range(number - 1))]
    return open_tabs


def held_on(tabs, path):
    return [(tab, poll) for tab in tabs for poll in tab.held_on(path)]


def count(site):
    return len(site.admin.rpc('longpolling.demo.note', 'search', [[]]))


def settle(tabs, path, number):
    """Wait until `number` polls are held, and see that it stays so, and for the next seconds none ends by itself."""
    def held():
        polls = held_on(tabs, path)
        half_a_hold_ago = time.monotonic() - TIMEOUT / 2
        return len(polls) == number and all(tab.begun[tab.held.index(poll)] > half_a_hold_ago for tab, poll in polls)

    tabs[0].wait_for(held, what=f'{number} polls are held that have just begun')
    tabs[0].page.wait_for_timeout(500)
    assert len(held_on(tabs, path)) == number


def test_ten_tabs_on_one_path_hold_one_connection_and_all_get_the_note(tabs, post):
    walls = [tab.open_wall() for tab in tabs(TABS)]
    settle(walls, '/wall/', 1)
    settle(walls, '/watchers', 1)
    for text in ('to all ten tabs', 'and another one'):
        post(text)
        for wall in walls:
            wall.wait_for_note(text, 10)
    for wall in walls:
        assert [wall.notes().count(text) for text in ('to all ten tabs', 'and another one')] == [1, 1]
    settle(walls, '/wall/', 1)


def test_if_the_tab_that_polls_is_closed_another_takes_over(tabs, post):
    walls = [tab.open_wall() for tab in tabs(3)]
    settle(walls, '/wall/', 1)
    [(holder, _)] = held_on(walls, '/wall/')
    holder.page.close()
    others = [wall for wall in walls if wall is not holder]
    post('after the tab was closed')
    for wall in others:
        wall.wait_for_note('after the tab was closed', 5)
    settle(others, '/wall/', 1)


def test_if_the_tab_that_polls_is_frozen_by_the_browser_another_takes_over_and_no_note_is_lost(tabs, post):
    """The browser says so first; headless, it does not come to it, so the event is this test's own."""
    walls = [tab.open_wall() for tab in tabs(3)]
    settle(walls, '/wall/', 1)
    [(holder, poll)] = held_on(walls, '/wall/')
    holder.page.evaluate('document.dispatchEvent(new Event("freeze"))')
    others = [wall for wall in walls if wall is not holder]
    others[0].wait_for(lambda: poll in holder.aborted, TIMEOUT / 2, 'the frozen tab lets go of its poll')
    post('while a tab was frozen')
    for wall in others:
        wall.wait_for_note('while a tab was frozen', 5)
    settle(others, '/wall/', 1)
    assert not holder.held_on('/wall/') and 'while a tab was frozen' not in holder.notes()
    holder.page.evaluate('document.dispatchEvent(new Event("resume"))')
    holder.wait_for_note('while a tab was frozen', 5)
    post('after it was resumed')
    for wall in walls:
        wall.wait_for_note('after it was resumed', 5)
        assert wall.notes()[-2:] == ['while a tab was frozen', 'after it was resumed']


def test_if_the_tab_that_polls_hangs_another_takes_over_and_no_note_is_lost(tabs, post):
    """A dialog stops its scripts: it says nothing and keeps its lock, until the others' patience with it is over."""
    walls = [tab.open_wall() for tab in tabs(3)]
    settle(walls, '/wall/', 1)
    [(holder, _)] = held_on(walls, '/wall/')
    others = [wall for wall in walls if wall is not holder]
    dialogs = []
    # Playwright takes no builtin method.
    holder.page.on('dialog', lambda dialog: dialogs.append(dialog))     # noqa: PLW0108
    holder.page.evaluate('() => { setTimeout(() => alert("Nobody is here.")) }')
    holder.wait_for(lambda: dialogs)
    post('while a tab hung')
    for wall in others:
        wall.wait_for_note('while a tab hung', PATIENCE)
    dialogs[0].accept()
    holder.wait_for_note('while a tab hung')
    post('after it went on')
    for wall in walls:
        wall.wait_for_note('after it went on', 2 * TIMEOUT)
        assert wall.notes()[-2:] == ['while a tab hung', 'after it went on']
    settle(walls, '/wall/', 1)


def test_eight_tabs_on_different_paths_do_not_lock_the_hosts_own_requests_out(tabs, site, post, tell):
    """What happens, and why.

    A browser opens six connections to a host over HTTP/1.1, so six held polls would leave the host's own requests
    waiting for the end of one of them. The tabs let four of their polls go at a time, by Web Locks: two connections
    are always free, and the host's requests wait for nothing. The other tabs take turns: news reach them when a poll
    of another tab has ended, so after one hold at the latest.
    """
    opened = tabs(8)
    known = count(site)
    for number, tab in enumerate(opened):
        tab.open('Sample')
        tab.wait_until('longpolling_sample.widget && longpolling_sample.widget.lp')
        tab.page.evaluate('longpolling_sample.widget.lp.stop_longpolling()')
        tab.start_poll('one', f'/count/path{number}/{known}')
    opened[0].wait_for(lambda: len(held_on(opened, '/count/')) == 4, what='four polls are held')
    for _ in range(10):     # and never more, as they take turns
        opened[0].page.wait_for_timeout(50)
        assert len(held_on(opened, '/count/')) <= 4
    opened[0].wait_for(lambda: len(held_on(opened, '/count/')) == 4)
    waiting = next(tab for tab in opened if not tab.held_on('/count/'))
    begun = time.monotonic()
    assert waiting.page.evaluate("""() => fetch("/web/webclient/version_info", {method: "POST", body: "{}",
        headers: {"Content-Type": "application/json"}}).then((answer) => answer.status)""") == 200
    assert time.monotonic() - begun < 2
    post('to eight tabs')
    tell('count')
    for number, tab in enumerate(opened):
        tab.wait_for(lambda tab=tab: tab.told('one')['answers'], 3 * TIMEOUT, f'tab {number} gets its answer')
        assert tab.told('one')['answers'][0] == {'name': f'path{number}', 'count': known + 1}


def test_users_of_one_browser_never_share_a_poll(windows, tell):
    """Two users in one browser are two browsers to the server: private windows, or one after the other."""
    ann, bob = windows('ann'), windows('bob')
    for window in (ann, bob):
        window.start_poll('one', '/mainpath')
        window.wait_for(lambda window=window: len(window.held_on('/mainpath')) == 1)


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
