"""Each outcome of a poll, as the page sees it: the table "What the browser sees", in a real Chromium."""

import requests

from tests.browser.conftest import PROMPT, TIMEOUT


def held(window, path):
    window.wait_for(lambda: any(poll['channels'] for poll in window.held_on(path)), what=f'a poll on {path} is held')


def count(site):
    return len(site.admin.rpc('longpolling.demo.note', 'search', [[]]))


def answered(window, path, status):
    """How many polls on this route the sidecar has answered with this status."""
    wanted = f'route="{window.stack.path}{path}",status="{status}"'
    text = requests.get(window.stack.sidecar_url + '/metrics', timeout=10).text
    return sum(float(line.split()[-1]) for line in text.splitlines()
               if line.startswith('longpolling_polls_answered_total') and wanted in line)


def test_an_answer_goes_to_the_success_callback_and_the_next_poll_follows(windows, tell):
    window = windows()
    window.start_poll('one', '/mainpath', {'colour': 'blue'})
    for word in ('first', 'second'):
        held(window, '/mainpath')
        tell(word)
        window.wait_for(lambda word=word: word in str(window.told('one')['answers']))
    told = window.told('one')
    assert told['answers'] == [{'news': [word], 'kwargs': {'colour': 'blue'}} for word in ('first', 'second')]
    assert (told['errors'], told['states']) == ([], ['connecting', 'live'])


def test_the_text_of_a_route_of_mode_http_goes_to_the_success_callback(windows):
    window = windows()
    window.start_poll('one', '/markup')
    window.wait_for(lambda: window.told('one')['answers'])
    window.stop_poll('one')
    assert window.told('one')['answers'][0] == '<p>hello</p>'


def test_nothing_until_the_timeout_is_followed_by_the_next_poll_without_a_callback(windows):
    window = windows()
    window.start_poll('one', '/mainpath')
    held(window, '/mainpath')
    before = answered(window, '/mainpath', 204)
    window.wait_for(lambda: answered(window, '/mainpath', 204) >= before + 2, 2 * TIMEOUT + 10)
    held(window, '/mainpath')
    told = window.told('one')
    assert (told['answers'], told['errors']) == ([], [])


def test_a_logout_in_another_tab_goes_to_the_error_callback_and_the_loop_stops(windows, site):
    window = windows(anew=True)
    window.start_poll('one', '/mainpath')
    held(window, '/mainpath')
    before = answered(window, '/mainpath', 401)
    other = windows(beside=window)
    other.log_out()
    window.wait_for(lambda: window.told('one')['errors'], TIMEOUT + 10)
    assert answered(window, '/mainpath', 401) == before + 2         # it asks once more
    assert window.told('one')['errors'] == [[401, 'error']]
    assert window.told('one')['states'][-1] == 'logged_out'
    window.page.wait_for_timeout(3000)
    assert window.held_on('/mainpath') == []
    assert window.told('one')['errors'] == [[401, 'error']]


def test_a_missing_route_goes_to_the_error_callback_and_the_loop_stops(windows):
    window = windows()
    window.start_poll('one', '/nosuchroute')
    window.wait_for(lambda: window.told('one')['errors'])
    window.page.wait_for_timeout(3000)
    assert window.told('one')['errors'] == [[404, 'error']]
    assert window.told('one')['states'] == ['connecting', 'stopped']
    assert [text for text in window.warnings if 'no more polls of /nosuchroute' in text] == [
        'web_longpolling: no more polls of /nosuchroute: 404, There is no such long polling route here.']


def test_a_controller_that_fails_goes_to_the_error_callback_and_polls_follow_later(windows):
    window = windows()
    window.start_poll('one', '/fails')
    window.wait_for(lambda: len(window.told('one')['errors']) >= 3)
    told = window.told('one')
    assert told['errors'] == [[500, 'error']] * len(told['errors'])
    assert told['answers'] == []
    assert 'reconnecting' in told['states']


def test_a_sidecar_that_has_too_much_to_do_goes_to_the_error_callback_and_the_page_polls_again(windows, site, post):
    window = windows()
    window.start_poll('one', f'/busy/{count(site)}')
    window.wait_for(lambda: window.told('one')['errors'])
    assert window.told('one')['errors'][0] == [503, 'error']
    assert 'reconnecting' in window.told('one')['states']
    post('there is less to do')
    window.wait_for(lambda: window.told('one')['answers'], 30, 'the page polls again')
    window.stop_poll('one')


def test_a_callback_that_throws_is_reported_to_the_console_and_does_not_end_the_loop(windows, tell):
    window = windows()
    window.expect('a mistake of the page')
    window.start_poll('one', '/mainpath')
    window.page.evaluate("""() => { polls.one.lp.loop.callbacks.success = (answer) => {
        polls.one.answers.push(answer);
        throw new Error("a mistake of the page");
    } }""")
    for number in (1, 2):
        held(window, '/mainpath')
        tell('news')
        window.wait_for(lambda number=number: len(window.told('one')['answers']) == number)
    assert len([error for error in window.errors if 'a mistake of the page' in error]) == 2


def test_stop_longpolling_ends_the_poll_and_nothing_is_delivered_any_more(windows, tell):
    window = windows()
    window.start_poll('one', '/mainpath')
    held(window, '/mainpath')
    window.stop_poll('one')
    window.wait_for(lambda: not window.held_on('/mainpath'), PROMPT, 'the poll has ended')
    tell('too late')
    window.page.wait_for_timeout(1500)
    told = window.told('one')
    assert (told['answers'], told['errors'], window.held_on('/mainpath')) == ([], [], [])


def test_leaving_the_page_ends_the_poll(windows):
    window = windows()
    window.start_poll('one', '/mainpath')
    held(window, '/mainpath')
    window.page.goto('about:blank')
    # At once; but if it was the last page, and the browser keeps it in its back/forward cache, the hub's worker may be
    # frozen together with it before it hears of that. Then the poll ends as any other.
    window.wait_for(lambda: not window.held_on('/mainpath'), TIMEOUT + 2, 'the poll has ended')
