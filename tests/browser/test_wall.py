"""The wall: two people see each other's notes, whatever happens to the way between them."""

import re
import signal
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.browser.conftest import PROMPT
from tests.browser.worker import offline

# A page over plain http, on a name that is not localhost.
NAME = 'erp.test'

# What a console says of a poll that failed on its way.
LOST = 'ERR_|502|503|504'

# Seconds that a sidecar may take to stop: its `--grace`.
GRACE = 10


def test_two_users_see_each_others_notes(windows):
    ann, bob = windows('ann').open_wall(), windows('bob').open_wall()
    ann.write('Hello Bob')
    bob.wait_for_note('Hello Bob')
    bob.write('Hello Ann <b>in bold</b>')
    ann.wait_for_note('Hello Ann <b>in bold</b>')
    for window in (ann, bob):       # one's own note is there twice, or by "You", until host and poll have confirmed it
        window.wait_for(lambda window=window: window.notes()[-2:] == ['Hello Bob', 'Hello Ann <b>in bold</b>'])
    authors = bob.page.locator('.lpd_author')
    bob.wait_for(lambda: authors.all_inner_texts()[:2] == ['Bob', 'Ann'])
    assert re.search(r'\d\d:\d\d', bob.page.locator('.lpd_time').first.inner_text())


def test_everybody_sees_who_is_watching(windows):
    ann, bob = windows('ann').open_wall(), windows('bob').open_wall()
    for window in (ann, bob):
        window.page.locator('.lpd_watcher', has_text='Ann').wait_for()
        window.page.locator('.lpd_watcher', has_text='Bob').wait_for()


def test_the_wall_is_reached_from_the_menu(windows, site):
    window = windows().enter()
    if site.host == 'openerp-7.0':
        window.page.click('.oe_menu a:has-text("Sample")')
        window.page.click('.oe_menu a:has-text("Wall")')
    else:
        window.page.goto(f'{window.stack.url}/odoo/sample')
        window.page.click('.o_navbar_apps_menu button')
        window.page.click('.o_app:has-text("Wall")')
    window.wait_for_state('live')


def test_the_wall_is_used_by_keyboard_alone(windows):
    window = windows('ann').open_wall()
    window.wait_until('document.activeElement.className === "lpd_text"')
    window.page.keyboard.type('first line')
    window.page.keyboard.press('Shift+Enter')
    window.page.keyboard.type('second line')
    window.page.keyboard.press('Tab')
    window.wait_until('document.activeElement.className === "lpd_post"')
    window.page.keyboard.press('Enter')
    window.wait_for_note('second line')
    assert window.notes()[-1] == 'first line\nsecond line'
    # The poll may bring the note before the RPC that wrote it is answered, and the focus comes back with that.
    window.wait_until('document.activeElement.className === "lpd_text"')


def test_the_wall_is_announced_to_screen_readers(windows):
    page = windows('ann').open_wall().page
    assert page.get_by_role('textbox', name='Your note').count() == 1
    assert page.get_by_role('button', name='Post').count() == 1
    assert page.get_by_role('status').filter(has_text='Live').count() == 1
    assert page.locator('.lpd_notes').get_attribute('aria-live') == 'polite'
    assert page.locator('.lpd_watchers').get_attribute('aria-label') == 'Watching now'


def test_the_wall_fits_a_telephone(windows):
    window = windows('ann').open_wall()
    window.page.set_viewport_size({'width': 390, 'height': 844})
    window.write('a word that is too long for any telephone: ' + 'x' * 200)
    window.wait_for_note('too long for any telephone')
    width, content = window.page.evaluate('[innerWidth, document.querySelector(".lpd_wall").scrollWidth]')
    assert content <= width == 390
    assert window.page.locator('.lpd_wall').bounding_box()['width'] > 350
    assert window.page.locator('.lpd_post').bounding_box()['height'] >= 44


def test_a_note_that_cannot_be_posted_stays_in_the_input(windows):
    window = windows('ann').open_wall()
    window.expect(LOST)
    with offline(window):
        window.write('not lost')
        window.page.get_by_role('alert').filter(has_text='could not be posted').wait_for()
        assert window.page.input_value('.lpd_text') == 'not lost'
    window.page.press('.lpd_text', 'Enter')
    window.wait_for_note('not lost')


def test_a_note_appears_at_once_and_is_marked_until_it_is_confirmed(windows, site):
    """Also while the sidecar is down: the host has it, and the poll brings it when there is one again."""
    ann, bob = windows('ann').open_wall(), windows('bob').open_wall()
    ann.expect(LOST)
    ann.write('confirmed')
    ann.page.locator('.lpd_note:not(.lpd_pending)', has_text='confirmed').wait_for()
    site.stop_sidecar(signal.SIGKILL)
    try:
        ann.wait_for_state('reconnecting')
        ann.write('written while it was down')
        marked = ann.page.locator('.lpd_pending', has_text='written while it was down')
        marked.locator('.lpd_mark', has_text='Saved, not confirmed yet').wait_for()
        assert marked.locator('.lpd_author').inner_text() == 'You'
        assert ann.page.input_value('.lpd_text') == ''
    finally:
        site.start_sidecar()
    ann.page.locator('.lpd_note:not(.lpd_pending)', has_text='written while it was down').wait_for()
    ann.wait_for(lambda: ann.page.locator('.lpd_pending').count() == 0)
    assert ann.notes().count('written while it was down') == 1
    bob.wait_for_note('written while it was down')


def test_what_is_wrong_is_said_and_what_can_be_done(windows, site):
    """A server that is down, and a button that has it asked at once; a logout, and a button to log in again."""
    window = windows('ann', anew=True).open_wall()
    window.expect(LOST, '401', 'Session')
    assert not window.page.is_visible('.lpd_notice')
    site.stop_sidecar(signal.SIGKILL)
    try:
        window.wait_for_state('reconnecting')
        assert 'the server does not answer' in window.page.inner_text('.lpd_notice')
        window.wait_until('/ in [3-9]|[1-9][0-9] s/.test(document.querySelector(".lpd_state").textContent)', 60)
    finally:
        site.start_sidecar()
    window.page.click('.lpd_action:has-text("Retry now")')
    window.wait_for_state('live', PROMPT)
    assert not window.page.is_visible('.lpd_trouble')
    windows(beside=window).log_out()
    window.wait_for_state('logged_out')
    assert 'You are logged out' in window.page.inner_text('.lpd_notice')
    assert window.page.inner_text('.lpd_action') == 'Log in again'


def test_who_is_watching_is_right_when_the_wall_is_live(windows):
    """The page's own user from the first moment; nobody is never shown as "Watching now"."""
    window = windows('bob').open_wall()
    window.page.locator('.lpd_watcher', has_text='Bob').wait_for(timeout=1000 * PROMPT)


def test_notes_stand_in_their_order_whichever_way_they_came(windows, post):
    window = windows('ann').open_wall()
    for number in range(3):
        post(f'in order {number}')
    window.wait_for_note('in order 2')
    numbers = [int(note) for note in window.page.locator('.lpd_note').evaluate_all(
        '(notes) => notes.map((note) => note.dataset.note)')]
    assert numbers == sorted(numbers, reverse=True)


def test_when_the_sidecar_is_killed_and_started_again_the_page_recovers_and_misses_no_note(windows, site, post):
    window = windows('ann').open_wall()
    window.expect(LOST)
    post('before the sidecar was killed')
    window.wait_for_note('before the sidecar was killed')
    site.stop_sidecar(signal.SIGKILL)
    try:
        window.wait_for_state('reconnecting')
        assert re.match(r'Reconnecting( in \d+ s| …)', window.page.text_content('.lpd_state'))
        for number in range(5):
            post(f'while it was dead {number}')
        window.page.wait_for_timeout(1500)
        assert 'while it was dead 0' not in window.notes()
    finally:
        site.start_sidecar()
    window.wait_for_note('while it was dead 4')
    window.wait_for_state('live')
    post('after it was started again')
    window.wait_for_note('after it was started again')
    assert window.notes()[-7:] == ['before the sidecar was killed', *(f'while it was dead {n}' for n in range(5)),
                                   'after it was started again']


def test_two_sidecars_are_restarted_in_turns_and_the_page_misses_no_note_and_is_told_nothing(windows, site):
    first, second = site.sidecars[0], site.another_sidecar()
    try:
        site.dispatch_to(first, second)
        # Opened after that: on its connections nginx knows both from the beginning.
        window = windows('ann').open_wall()
        window.expect('503')    # of a poll that both have sent away: the console reports it, the page is not told
        window.page.evaluate("""() => {
            window.states = [];
            const mark = document.querySelector(".lpd_state");
            new MutationObserver(() => states.push(mark.dataset.state)).observe(mark, { attributes: true });
        }""")
        with posting(site) as posted:
            for sidecar in (first, second):
                try:
                    begun = time.monotonic()
                    assert sidecar.stop() == 0
                    assert time.monotonic() - begun < GRACE
                    see_more(window, posted)
                finally:
                    sidecar.start()
                see_more(window, posted)
        window.wait_for_note(posted[-1])
        assert [note for note in window.notes() if note in posted] == posted
        assert set(window.page.evaluate('states')) <= {'live'}
    finally:
        site.dispatch_to(first)
        second.stop()
        site.sidecars.remove(second)


@contextmanager
def posting(site):
    """Post notes from another thread until the end of the block; yields the list of what was posted so far."""
    session, posted, enough = site.admin.clone(), [], threading.Event()

    def post():
        while not enough.wait(0.2):
            text = f'in turns {len(posted):04}'
            session.rpc('longpolling.demo.note', 'create', [{'text': text}])
            posted.append(text)

    with ThreadPoolExecutor(1) as pool:
        posts = pool.submit(post)
        try:
            yield posted
        finally:
            enough.set()
        posts.result()


def see_more(window, posted, number=3):
    """Wait until so many notes more were posted, and are on the wall."""
    number += len(posted)
    window.wait_for(lambda: len(posted) >= number, what=f'{number} notes are posted')
    window.wait_for_note(posted[number - 1])


def test_offline_and_online_again(windows, post):
    window = windows('ann').open_wall()
    window.expect(LOST)
    with offline(window):
        window.wait_for_state('offline')
        assert 'You are offline' in window.page.inner_text('.lpd_notice')
        assert not window.page.is_visible('.lpd_action')        # there is nothing to do but to wait
        post('while offline')
        window.page.wait_for_timeout(1000)
        assert 'while offline' not in window.notes()
    window.wait_for_note('while offline', PROMPT)        # at once: the wait may be longer by now
    assert window.notes().count('while offline') == 1


def test_from_key_press_to_appearance(windows, site, record_property):
    """Median of 20 notes, beside the time of the host's own RPC that writes them."""
    ann, bob = windows('ann').open_wall(), windows('bob').open_wall()
    ann.page.evaluate("""() => {
        window.pressed = [];
        addEventListener("keydown", (event) => event.key === "Enter" && pressed.push(Date.now()), true);
    }""")
    bob.page.evaluate("""() => {
        window.appeared = [];
        new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach((note) =>
            appeared.push([note.querySelector(".lpd_said").textContent, Date.now()])))
        ).observe(document.querySelector(".lpd_notes"), { childList: true });
    }""")
    for number in range(20):
        ann.write(f'timed {number}')
        bob.wait_for_note(f'timed {number}')
        ann.wait_for(lambda: not ann.page.is_disabled('.lpd_post'))
    pressed = ann.page.evaluate('pressed')
    # The notes of before may be drawn after the wall is live.
    appeared = [(text, time) for text, time in bob.page.evaluate('appeared') if text.startswith('timed ')]
    assert [text for text, _ in appeared] == [f'timed {number}' for number in range(20)]
    median = statistics.median(time - press for press, (_, time) in zip(pressed, appeared, strict=True))
    rpc = statistics.median(ann.page.evaluate("""() => performance.getEntriesByType("resource")
        .filter((entry) => entry.name.includes("call_kw")).map((entry) => entry.duration)"""))
    record_property('key_press_to_appearance_ms', median)
    print(f'{site.host}: from key press to appearance {median:.0f} ms, an RPC of the host {rpc:.0f} ms '
          '(medians, 20 notes)')
