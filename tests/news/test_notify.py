"""longpolling.notify in model code, request.listen in a controller."""

import time

import psycopg2
import pytest

from tests.support.clients import RpcError
from tests.support.held_polls import eventually
from web_longpolling import publishing

TELLER = 'longpolling.test.teller'
SLOW = 1500
KEPT = 1000
LISTENERS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'longpolling listener'"


def heard(answer):
    """What /news/listen has answered."""
    response = answer.result()
    assert response.status_code == 200, response.text
    return response.json()


def test_a_held_poll_is_woken_when_model_code_commits(holding, ann, admin, channel):
    """notify in any model code of the host, inside the ordinary transaction: payloads in commit order."""
    answer = holding.listen(ann, channel)
    admin.rpc(TELLER, 'notify', [channel, [{'a': 'ä€'}, [1], 'text', 5, False]])
    assert heard(answer) == {'payloads': [{'a': 'ä€'}, [1], 'text', 5, False], 'missed': False}


def test_nothing_is_sent_after_a_rollback(holding, ann, admin, channel):
    """Sent if and when it commits: what a failed call has said is never heard."""
    answer = holding.listen(ann, channel)
    with pytest.raises(RpcError, match='rolled back'):
        admin.rpc(TELLER, 'notify', [channel, ['never'], True])
    admin.rpc(TELLER, 'notify', [channel, ['committed']])
    assert heard(answer)['payloads'] == ['committed']


def test_it_is_sent_at_the_commit_and_not_before(holding, ann, transaction, channel):
    """A poll does not wake before the others can see what was written."""
    answer = holding.listen(ann, channel, timeout=1)
    with transaction() as cr:
        publishing.notify(cr, channel, 'late')
        assert heard(answer) == {'payloads': [], 'missed': False}
        answer = holding.listen(ann, channel)
    assert heard(answer)['payloads'] == ['late']


def test_payloads_come_in_commit_order_and_not_in_that_of_writing(stack, holding, ann, channel):
    """Of two transactions the one that commits first is heard first."""
    answer = holding.poll(ann, 'waits', {'channel': channel, 'go': f'{channel}-go', 'last': 'end'})
    early, late = psycopg2.connect(stack.dsn), psycopg2.connect(stack.dsn)
    try:
        for connection, payload in ((late, 'written first'), (early, 'written second')):
            publishing.notify(connection.cursor(), channel, payload)
        early.commit()
        late.commit()
        publishing.notify(late.cursor(), channel, 'end')
        publishing.notify(late.cursor(), f'{channel}-go', 'go')
        late.commit()
    finally:
        early.close()
        late.close()
    assert answer.result().json() == [['written second', 'written first', 'end']]


def test_equal_payloads_of_one_transaction_all_arrive(holding, ann, transaction, channel):
    """PostgreSQL itself would send the second one of two that are equal no more."""
    answer = holding.listen(ann, channel)
    with transaction() as cr:
        for _ in range(3):
            publishing.notify(cr, channel, 'same')
    assert heard(answer)['payloads'] == ['same'] * 3


def test_a_signal_has_no_payload(holding, ann, transaction, channel):
    """Without a payload it is a mere signal: None, once a transaction."""
    answer = holding.listen(ann, channel)
    with transaction() as cr:
        publishing.notify(cr, channel)
        publishing.notify(cr, channel)
    assert heard(answer)['payloads'] == [None]


def test_only_the_channels_listened_to_are_heard(holding, ann, transaction, channel):
    """Several channels in one subscription; the others stay unheard, whatever is in their names."""
    odd = f"{channel}-';\\ä€\" --%s"
    answer = holding.listen(ann, channel, odd)
    with transaction() as cr:
        publishing.notify(cr, channel + 'x', 'other')
        publishing.notify(cr, odd, 'odd')
        publishing.notify(cr, channel, 'plain')
    assert heard(answer)['payloads'] == ['odd', 'plain']


def test_a_payload_that_postgresql_can_not_carry_is_a_value_error(transaction, admin, channel):
    """The ValueError says how long it was and what to do."""
    fits = publishing.MAX_NOTIFICATION - len(publishing.encode([channel, '', 99999]))
    with transaction() as cr:
        publishing.notify(cr, channel, 'x' * fits)
        with pytest.raises(ValueError, match=r'is 9\d\d\d bytes long, but PostgreSQL carries 7999: send an id'):
            publishing.notify(cr, channel, 'x' * 9000)
    with pytest.raises(RpcError, match='bytes long, but PostgreSQL carries 7999: send an id'):
        admin.rpc(TELLER, 'notify', [channel, ['x' * 9000]])


@pytest.mark.parametrize('payload', [object(), float('nan'), {1, 2}], ids=['object', 'nan', 'set'])
def test_a_payload_without_a_form_in_json_is_a_value_error(transaction, channel, payload):
    """Both kinds of news are JSON-able."""
    with transaction() as cr:
        for tell in (publishing.notify, publishing.publish):
            with pytest.raises(ValueError, match='JSON'):
                tell(cr, channel, payload)


@pytest.mark.parametrize('name', ['', None, 5, 'x' * 256], ids=['empty', 'none', 'number', 'long'])
def test_what_is_no_name_of_a_channel_is_a_value_error(transaction, name):
    """A channel is a name of 1 to 255 characters."""
    with transaction() as cr:
        for tell in (publishing.notify, publishing.publish):
            with pytest.raises(ValueError, match='1 to 255 characters'):
                tell(cr, name, 'payload')


def test_none_is_lost_between_two_waits_of_one_subscription(holding, ann, transaction, channel):
    """What comes while the controller is busy is given to its next wait, in order."""
    go = f'{channel}-go'
    answer = holding.poll(ann, 'waits', {'channel': channel, 'go': go, 'last': 99})
    for number in range(100):
        with transaction() as cr:
            publishing.notify(cr, channel, number)
            if number % 10 == 9:
                publishing.notify(cr, go)
    waits = answer.result().json()
    assert [payload for wait in waits for payload in wait] == list(range(100))
    assert len(waits) > 1


def test_a_slow_controller_is_told_that_it_missed_some(holding, ann, transaction, channel):
    """A bound on what may pile up: then it is told that it missed some and reads again; once."""
    go = f'{channel}-go'
    answer = holding.poll(ann, 'slow', {'channel': channel, 'go': go})
    with transaction() as cr:
        for number in range(SLOW):
            publishing.notify(cr, channel, number)
        publishing.notify(cr, go)
    eventually(lambda: holding.polls == 2)       # its two subscriptions
    with transaction() as cr:
        publishing.notify(cr, channel, 'after')
        publishing.notify(cr, go)
    assert answer.result().json() == [
        {'missed': True, 'number': KEPT, 'first': 0, 'last': KEPT - 1},
        {'missed': False, 'number': 1, 'first': 'after', 'last': 'after'}]


@pytest.mark.parametrize('kind', ['listen', 'follow'])
def test_waiting_inside_a_snapshot_is_refused(holding, ann, log, kind):
    """Waiting inside an open snapshot would starve the budget: 500, and the log names the rule."""
    answer = ann.poll(f'/news/snapshot/{kind}')
    assert answer.status_code == 500
    assert 'may not wait for news while it holds a snapshot' in log()
    assert 'snapshot' not in answer.text
    assert holding.polls == 0


def test_a_killed_listen_connection_comes_back_and_wakes_every_subscription(stack, holding, ann, sql, log,
                                                                           transaction, channel):
    """It says so in the log once, listens again, and wakes all: news may have been missed."""
    answers = [holding.listen(ann, f'{channel}-{number}') for number in range(3)]
    [(pid,)] = sql(LISTENERS)
    sql("SELECT pg_terminate_backend(%s)", (pid,))
    assert [heard(answer) for answer in answers] == [{'payloads': [], 'missed': True}] * 3
    [(again,)] = sql(LISTENERS)
    assert again != pid
    assert log().count('No news from database') == 1
    assert log().count('Listening to database') == 1
    answer = holding.listen(ann, channel)
    with transaction() as cr:
        publishing.notify(cr, channel, 'heard')
    assert heard(answer) == {'payloads': ['heard'], 'missed': False}


def test_a_level_triggered_controller_loses_nothing_when_postgresql_restarts(stack, holding, ann, sql, log,
                                                                            transaction, channel):
    """Subscribe, read, wait: what was committed while nobody could listen is seen all the same."""
    answer = holding.poll(ann, 'count', {'name': channel, 'seen': 0})
    stack.stop_postgresql()
    eventually(lambda: 'No news from database' in log())
    stack.start_postgresql()
    with transaction() as cr:       # perhaps before the sidecar listens again: then nobody hears it
        cr.execute("UPDATE res_partner SET name = %s WHERE id = (SELECT partner_id FROM res_users WHERE login = 'ann')",
                   (channel,))
        publishing.notify(cr, 'partners')
    response = answer.result()
    assert (response.status_code, response.text) == (200, '1')
    assert log().count('No news from database') == 1
    assert 'Traceback' not in log()


def test_the_log_is_not_filled_while_postgresql_is_down(stack, log, ann):
    """It reconnects with growing pauses, and says so in the log once."""
    stack.stop_postgresql()
    try:
        eventually(lambda: 'No news from database' in log())
        assert ann.poll('/who').status_code == 503
        said = log()
        assert said.count('does not answer') == 1       # the polls have connections of their own
        assert {ann.poll('/who').status_code for _ in range(5)} == {503}
        time.sleep(3)       # in which it tries to listen several times
        assert log() == said
    finally:
        stack.start_postgresql()
    eventually(lambda: 'Listening to database' in log())
    assert ann.poll('/who').status_code == 200
