"""The JavaScript samples of the specification, pasted into an addon, on each host."""

from tests.browser.conftest import PROMPT


def started(windows):
    window = windows().open('Sample')
    window.wait_until('longpolling_sample.widget && longpolling_sample.widget.lp')
    held(window)
    return window


def held(window):
    window.wait_for(lambda: any(poll['channels'] for poll in window.held_on('/mainpath')), what='a poll is held')


def replaced(window, method):
    """Let the widget start anew with another callback."""
    window.page.evaluate(f'longpolling_sample.widget.{method}()')
    window.wait_until('longpolling_sample.widget.lp.loop.since')        # it follows from its own beginning
    window.wait_for(lambda: [bool(poll['channels']) for poll in window.held_on('/mainpath')] == [True],
                    what='its poll is held, and no other')


def seen(window, name):
    return window.page.evaluate(f'longpolling_sample.{name}')


def written(site, text):
    return site.admin.rpc('longpolling.demo.note', 'search', [[['text', '=', text]]])


def test_create_an_instance_and_call_start_longpolling(windows, tell):
    window = started(windows)
    tell('hello')
    window.wait_until('longpolling_sample.answers.length')
    assert seen(window, 'answers') == [{'news': ['hello'], 'kwargs': {}}]
    held(window)
    tell('again')
    window.wait_until('longpolling_sample.answers.length == 2')
    assert seen(window, 'errors') == []


def test_a_callback_writes_in_the_database_with_a_simple_poll(windows, tell, site):
    window = started(windows)
    replaced(window, 'write_in_callback')
    tell('in a callback')
    window.wait_for(lambda: written(site, 'written: in a callback'), what='the note is written')


def test_the_recall_of_the_controller_waits_while_the_deferred_is_not_resolved(windows, tell, site):
    window = started(windows)
    replaced(window, 'write_and_wait')
    tell('and wait')
    window.wait_until('longpolling_sample.written.length')
    assert written(site, 'written: and wait')
    window.page.wait_for_timeout(2000)
    assert window.held_on('/mainpath') == []
    window.page.evaluate('longpolling_sample.go_on()')
    held(window)


def test_leaving_the_page_of_a_widget_that_stops_ends_its_poll(windows):
    window = started(windows)
    window.page.evaluate('longpolling_sample.widget.lp.stop_longpolling()')
    window.wait_for(lambda: not window.held_on('/mainpath'), PROMPT, 'the poll has ended')
    window.page.wait_for_timeout(1000)
    assert window.held_on('/mainpath') == []


def test_a_loop_lives_as_long_as_its_component_or_widget(windows, tell, site):
    """Odoo's hook useLongPolling, and start_with on OpenERP 7.0."""
    window = windows().open('Hooked')
    window.page.wait_for_selector('.longpolling_hooked[data-state=live]', state='attached')
    held(window)
    tell('hello')
    window.wait_until('longpolling_sample.answers.length')
    assert seen(window, 'answers') == [{'news': ['hello'], 'kwargs': {'colour': 'blue'}}]
    # Another page of the web client, which destroys this one without a word to the loop.
    if site.host == 'odoo-19.0':
        window.page.click('.o_navbar_apps_menu button')
        window.page.click('.o_app:has-text("Wall")')
    else:
        window.page.click('.oe_menu a:has-text("Wall")')
    window.page.wait_for_selector('.lpd_wall')
    window.wait_for(lambda: not window.held_on('/mainpath'), PROMPT, 'the poll has ended')
