"""web_longpolling.testing: a controller called as a poll of a user, in the transaction of an addon's unit test."""

import pytest

TELLER = 'longpolling.test.teller'


@pytest.fixture
def play(admin):
    """A function that plays these steps in one transaction of the host; see `longpolling_test/played.py`."""
    return lambda *steps: admin.rpc(TELLER, 'play', [list(steps)])


def test_a_page_waits_for_what_is_published_after_its_last_answer(play, admin):
    follow = ['poll', '/news/follow', {'channels': ['a', 'b']}, 'page', admin.uid]
    first, nothing, news, again = play(
        ['publish', 'a', 'before'], follow, follow, ['publish', 'b', {'text': 'ä'}], ['publish', 'other', 1], follow,
        follow)
    assert (first['status'], nothing['status'], again['status']) == (204, 204, 204)
    assert nothing['held_on'] == again['held_on'] == ['a', 'b']
    [event] = news['result']['events']
    assert (event['channel'], event['payload']) == ('b', {'text': 'ä'})


def test_a_signal_is_news_each_time_though_all_is_one_transaction(play, admin):
    wait = ['poll', '/news/wait', {'channels': ['a']}, 'page', admin.uid]
    answers = play(wait, ['publish', 'a', None], wait, wait, ['publish', 'a', None], wait)
    assert [answer['status'] for answer in answers] == [200, 200, 204, 200]
    assert [answer['result'] for answer in answers if answer['status'] == 200] == [[], ['a'], ['a']]


def test_a_wait_with_a_timeout_goes_on_once_and_is_held_then(play, admin):
    """So that a controller which looks again and again comes to an end."""
    wait = ['poll', '/news/wait', {'channels': ['a'], 'timeout': 15}, 'page', admin.uid]
    assert [answer['status'] for answer in play(wait, wait)] == [200, 200]
    waits = ['poll', '/hold/never', {}, 'page', admin.uid]
    assert play(waits)[0]['held_on'] == ['never']


def test_the_controller_is_the_users_and_gets_variables_and_parameters(play, admin):
    who, public, echo = play(['poll', '/who', {}, 'one', admin.uid], ['poll', '/public', {}, 'two', None],
                             ['poll', '/echo/blue', {'size': 3}, 'three', admin.uid])
    assert who['result']['uid'] == admin.uid
    assert who['result']['login'] == 'admin'
    assert public['result'] == {'has': []}
    assert echo['result'] == {'name': 'blue', 'size': 3}


def test_a_page_follows_by_a_ticket(play, admin):
    tokens = [admin.rpc(TELLER, 'ticket', [['t'], uid, 600])[0] for uid in (False, admin.uid)]
    follow = [['poll', '/news/ticket', {'token': token}, token, None] for token in tokens]
    own = ['poll', '/news/ticket', {'token': tokens[1]}, 'own', admin.uid]
    wrong = ['poll', '/news/ticket', {'token': tokens[0][:-1]}, 'wrong', None]
    first, mine, nobody, none, news, my_news = play(
        follow[0], own, follow[1], wrong, ['publish', 't', 1], follow[0], own)
    assert (first['status'], mine['status']) == (204, 204)
    assert (nobody[0], none[0]) == ('AuthenticationError', 'Gone')
    assert news['result']['events'] == my_news['result']['events'] != []


def test_what_is_wrong_is_raised(play, admin):
    anonymous, nowhere, fails, held = play(
        ['poll', '/who', {}, 'one', None], ['poll', '/nowhere', {}, 'two', admin.uid],
        ['poll', '/fails', {}, 'three', admin.uid], ['poll', '/news/snapshot/wait', {}, 'four', admin.uid])
    assert [each[0] for each in (anonymous, nowhere, fails, held)] == [
        'AuthenticationError', 'LookupError', 'ValueError', 'SnapshotHeld']
    assert nowhere[1] == "No addon that is loaded declares the route '/nowhere'."


def test_what_the_controller_writes_is_taken_back(play, admin):
    partner = admin.rpc('res.partner', 'create', [{'name': 'unchanged'}])
    play(['poll', '/write/sql', {'partner': partner}, 'one', admin.uid],
         ['poll', '/write/write', {'partner': partner}, 'one', admin.uid])
    assert admin.rpc('res.partner', 'read', [[partner], ['name']])[0]['name'] == 'unchanged'
