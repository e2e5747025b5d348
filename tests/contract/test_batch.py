"""Many polls in one request: what a browser's hub sends, and what it gets back."""

import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.support.held_polls import connection, eventually

from .conftest import TIMEOUT

TELLER = 'longpolling.test.teller'
_channels = (f'batch-{number}' for number in itertools.count(1))


def asked(path, params=None, since=None):
    return {'path': path, 'params': params or {}, 'since': since}


def send(session, *polls, timeout=90, **rest) -> requests.Response:
    """One request with these polls."""
    body = {'polls': list(polls), **({'session_id': session.session_id} if session.session_id else {}), **rest}
    return session.http.post(session.poll_url + session.path, json=body, timeout=timeout)


def answers(session, *polls, **rest) -> dict:
    """The answers by the number of the poll."""
    response = send(session, *polls, **rest)
    assert response.status_code == 200, response.text
    assert response.headers['Content-Type'] == 'application/json'
    found = response.json()['answers']
    assert len({answer['poll'] for answer in found}) == len(found)
    return {answer.pop('poll'): answer for answer in found}


def position(session, *channels) -> str:
    """Where a page that follows these channels begins."""
    return answers(session, asked('/news/follow', {'channels': channels}))[0]['position']


@pytest.fixture
def channel() -> str:
    return next(_channels)


@pytest.fixture
def publish(admin):
    return lambda channel, *payloads: admin.rpc(TELLER, 'publish', [channel, list(payloads)])


def test_those_that_are_ready_are_answered_and_the_others_are_not(ann, channel):
    """A JSON value, a text, a position alone; and one that is held."""
    since = position(ann, channel)
    found = answers(ann, asked('/json/number'), asked('/http/text'), asked('/news/follow', {'channels': channel}),
                    asked('/news/follow', {'channels': channel}, since))
    assert set(found) == {0, 1, 2}
    assert found[0] == {'status': 200, 'result': 5}
    assert found[1] == {'status': 200, 'text': '<p>ä€</p>', 'type': 'text/html; charset=utf-8'}
    assert found[2]['status'] == 204
    assert found[2]['position'] >= since


@pytest.mark.parametrize('number', [1, 2, 64])
def test_when_nothing_happens_each_has_its_204_and_its_position(ann, channel, number):
    since = position(ann, channel)
    begun = time.monotonic()
    found = answers(ann, *(asked('/news/follow', {'channels': channel, 'number': each}, since)
                           for each in range(number)))
    assert TIMEOUT - 0.5 < time.monotonic() - begun < TIMEOUT + 2
    assert set(found) == set(range(number))
    assert {answer['status'] for answer in found.values()} == {204}
    assert all(answer['position'] for answer in found.values())


def test_an_event_answers_each_poll_that_it_concerns_and_no_other(ann, channel, publish):
    """Those that ask for the same get the same position, and none of them loses or repeats an event."""
    other = next(_channels)
    polls = [asked('/news/follow', {'channels': channel}, position(ann, channel)),
             asked('/news/follow', {'channels': other}, position(ann, other)),
             asked('/news/wait', {'channels': [channel]}, position(ann, channel)),
             asked('/news/follow', {'channels': channel}, position(ann, channel))]
    seen = []
    with ThreadPoolExecutor(1) as pool:
        for payload in ('first', 'second'):
            pending = pool.submit(answers, ann.clone(), *polls)
            time.sleep(0.3)
            publish(channel, payload)
            found = pending.result()
            assert set(found) == {0, 2, 3}
            assert found[0] == found[3]
            assert found[2]['result'] == [channel]
            seen += [event['payload'] for event in found[0]['result']['events']]
            for number, answer in found.items():
                polls[number]['since'] = answer['position']
    assert seen == ['first', 'second']


def test_the_parameters_and_the_variables_of_the_path_are_the_controllers(ann):
    found = answers(ann, asked('/echo/ä%20b?what=ever', {'colour': 'blue'}), asked('/strict/5', {'wanted': 1}),
                    asked('/werkzeug'))
    assert found[0]['result'] == {'name': 'ä b', 'colour': 'blue'}
    assert found[1]['result'] == {'number': 5, 'wanted': 1}
    assert found[2]['result']['path'] == '/openerplongpolling/werkzeug'


def test_the_errors_of_one_poll_are_its_own(ann, log):
    """Each outcome beside the others, as it would be alone."""
    found = answers(ann, asked('/json/number'), asked('/nowhere'), asked('/fails'), asked('/aborts'),
                    asked('/json/nan'), asked('/strict/5'), asked('/read/forbidden'), asked('/json/number'))
    assert {number: answer['status'] for number, answer in found.items()} == {
        0: 200, 1: 404, 2: 500, 3: 403, 4: 500, 5: 400, 6: found[6]['status'], 7: 200}
    assert found[1]['error'] == 'There is no such long polling route here.'
    assert '4711' not in found[2]['error']
    assert found[5]['error'].startswith('The parameters do not fit this route: ')
    assert 'The poll of \'/openerplongpolling/fails\' failed' in log()


@pytest.mark.parametrize('poll', [
    5, None, {}, {'path': 5}, {'path': 'nowhere'}, {'path': '/a\n'}, {'path': '/\x00'}, {'path': '/who?\xe4'},
    {'path': '/who', 'params': []}, {'path': '/who', 'params': 'x'}, {'path': '/who', 'since': 5},
    {'path': '/who', 'since': 'a b'}, {'path': '/who', 'since': ''}, {'path': '/who', 'since': 'x' * 9000}],
    ids=lambda poll: str(poll)[:30])
def test_a_malformed_poll_is_answered_with_400_and_changes_no_other(ann, poll, log):
    found = answers(ann, poll, asked('/json/number'))
    assert found[0]['status'] == 400
    assert found[1] == {'status': 200, 'result': 5}
    assert 'Traceback' not in log()


@pytest.mark.parametrize('polls', [[], [asked('/who')] * 65, {}, 'x', None], ids=lambda polls: str(polls)[:10])
def test_no_polls_or_more_than_64_are_answered_with_400(ann, polls):
    body = {'polls': polls, **({'session_id': ann.session_id} if ann.session_id else {})}
    answer = ann.http.post(ann.poll_url + ann.path, json=body, timeout=30)
    assert answer.status_code == 400
    assert answer.json() == {'error': '"polls" must be a list of 1 to 64 polls.'}


def test_without_polls_it_is_a_poll_of_the_main_route(ann):
    """As the specification says of the path "/", and "polls" is a parameter like any other of any other route."""
    answer = ann.poll('', {})
    assert answer.status_code == ann.poll('/', {}).status_code
    assert ann.poll('/echo', {'polls': [1]}).json() == {'polls': [1]}


def test_nobody_is_told_so_poll_by_poll_and_public_ones_are_answered(visitor):
    found = answers(visitor, asked('/who'), asked('/public'))
    assert found[0] == {'status': 401, 'error': 'Nobody is logged in, or the session has ended; log in again.'}
    assert found[1]['result'] == {'has': []}


def test_a_page_of_another_user_is_answered_as_nobodys(ann):
    """The page says whose it is: the browser's cookie may be another user's by now."""
    for whose in ({'uid': ann.uid + 1000}, {'uid': None}, {'uid': ann.uid, 'db': 'another'}):
        found = answers(ann, asked('/who'), asked('/public'), **whose)
        assert found[0] == {
            'status': 401, 'error': 'Another user is logged in by now; open the page again.'}
        assert found[1]['result'] == {'has': []}
    found = answers(ann, asked('/who'), uid=ann.uid, db=ann.db)
    assert found[0]['result']['uid'] == ann.uid


def test_a_session_that_ends_while_polls_are_held_ends_those_that_need_it(new_user, channel, publish, admin):
    user = new_user()
    since = position(user, channel)
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(answers, user.clone(), asked('/news/follow', {'channels': channel}, since),
                           asked('/silent'), asked('/news/wait', {'channels': [channel]}, since))
        time.sleep(0.5)
        admin.set_password(user.uid, 'changed')
        publish(channel, 'secret')
        found = held.result()
    assert {number: answer['status'] for number, answer in found.items()} == {0: 401, 2: 401}


def test_a_session_is_verified_once_for_all_polls_of_a_request(stack, programs, ann):
    """Of 50 polls that read nothing, none but the first has cost a cursor."""
    with programs.serving('-c', programs.config('batch'), '-d', stack.db, '-p', programs.port()) as serving:
        other = ann.clone()
        other.poll_url = serving.url

        def cursors():
            text = requests.get(serving.url + '/metrics', timeout=10).text
            return sum(float(line.split()[-1]) for line in text.splitlines()
                       if line.startswith('longpolling_budget_wait_seconds_count'))
        answers(other, asked('/echo'))
        before = cursors()
        assert len(answers(other, *[asked('/echo', {'number': number}) for number in range(50)])) == 50
        assert cursors() - before <= 2      # the session, and perhaps a look at the feed


def test_a_slow_reader_beside_a_busy_poll_is_waited_for_and_not_broken_off(ann, admin):
    """As long as its turn comes within two seconds."""
    found = answers(ann, asked('/json/number'), asked('/read/sleep', {'seconds': 1}))
    assert {number: answer['status'] for number, answer in found.items()} == {0: 200, 1: 200}


def test_a_reader_that_is_too_slow_for_the_others_is_named(ann):
    """So that the browser can send it in a request of its own."""
    begun = time.monotonic()
    found = answers(ann, asked('/json/number'), asked('/read/sleep', {'seconds': 2.7}))
    assert {number: answer['status'] for number, answer in found.items()} == {0: 200, 1: 102}
    assert time.monotonic() - begun < 2.7


def test_each_poll_counts_in_the_limits(stack, programs, ann):
    config = programs.config('few', longpolling_max_held_per_session=3)
    with programs.serving('-c', config, '-d', stack.db, '-p', programs.port()) as serving:
        other = ann.clone()
        other.poll_url = serving.url
        found = answers(other, *[asked('/silent', {}) for _ in range(5)])
        assert [answer['status'] for answer in found.values()] == [503, 503]
        assert {answer['retry_after'] for answer in found.values()} == {2}
        # Those that were broken off have left their places.
        found = answers(other, asked('/json/number'), asked('/json/number'), asked('/json/number'))
        assert {answer['status'] for answer in found.values()} == {200}


def test_a_client_that_hangs_up_ends_all_its_polls(stack, programs, ann):
    with programs.serving('-c', programs.config('hangs'), '-d', stack.db, '-p', programs.port()) as serving:
        def held():
            return requests.get(serving.url + '/polls', timeout=10).json()
        with connection(ann, serving.url, '', {'polls': [asked('/hold/never'), asked('/news/wait', {'channels': ['a']},
                                                                                     position(ann, 'a'))]}):
            eventually(lambda: len(held()) == 2)
            eventually(lambda: [poll['channels'] for poll in held()].count(None) == 0)
            polls = sorted(held(), key=lambda poll: poll['route'])
            assert [(poll['route'], poll['channels']) for poll in polls] == [
                ('/openerplongpolling/hold/never', ['never']), ('/openerplongpolling/news/wait', ['a'])]
            assert {(poll['database'], poll['user'], poll['at_work']) for poll in polls} == {(stack.db, ann.uid, False)}
            begun = {poll['route']: poll['seconds'] for poll in polls}
            eventually(lambda: all(poll['seconds'] > begun[poll['route']] for poll in held()))
        eventually(lambda: held() == [])


def test_a_sidecar_that_stops_sends_the_whole_request_elsewhere(stack, programs, ann):
    with programs.serving('-c', programs.config('stops'), '-d', stack.db, '-p', programs.port()) as serving, \
            ThreadPoolExecutor(2) as pool:
        other = ann.clone()
        other.poll_url = serving.url
        held = [pool.submit(send, other, asked('/hold/never'), asked('/silent')), pool.submit(
            send, other.clone(), asked('/hold/never'))]
        time.sleep(1)
        serving.stop()
        for each in held:
            answer = each.result()
            assert (answer.status_code, answer.headers['X-Longpolling']) == (503, 'stopping')


def test_a_body_above_one_megabyte_is_refused(ann):
    """All polls together."""
    answer = send(ann, *[asked('/echo', {'text': 'x' * 300000}) for _ in range(4)])
    assert answer.status_code == 413


def test_a_page_of_another_site_may_not_poll(ann):
    body = json.dumps({'polls': [asked('/who'), asked('/public')], 'session_id': ann.session_id})
    answer = ann.http.post(ann.poll_url + ann.path, data=body, timeout=30,
                           headers={'Content-Type': 'application/json', 'Sec-Fetch-Site': 'cross-site'})
    found = {each['poll']: each['status'] for each in answer.json()['answers']}
    assert found == {0: 403, 1: 200}
