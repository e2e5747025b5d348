"""longpolling.publish in model code, request.follow in a controller."""

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet

import pytest

from tests.support.clients import RpcError
from tests.support.held_polls import SECONDS, eventually
from web_longpolling import publishing, schema

TELLER = 'longpolling.test.teller'
MEGABYTE = 1024 * 1024
ANSWER_EVENTS = 1000


@pytest.fixture
def publish(transaction):
    """Publishes payloads on a channel in one transaction."""
    def run(channel, *payloads):
        with transaction() as cr:
            for payload in payloads:
                publishing.publish(cr, channel, payload)
    return run


@pytest.fixture
def last(sql) -> int:
    """The position up to which there was something before the test."""
    return last_position(sql)


def last_position(sql):
    return sql("SELECT COALESCE(max(position), 0) FROM longpolling_event")[0][0]


def follow(session, channels, since) -> dict:
    """One answer of /news/follow."""
    response = session.poll('/news/follow', {'channels': channels, 'since': since})
    assert response.status_code == 200, response.text
    return response.json()


def payloads(answer):
    return [event['payload'] for event in answer['events']]


def test_a_reader_that_passes_back_last_gets_every_event_once_and_in_order(ann, admin, channel, last):
    """FeedEvent by model code of the host, one call a transaction, read in three answers."""
    found, since = [], last
    for number in range(3):
        admin.rpc(TELLER, 'publish', [channel, [[number, 'a'], {'ä€': number}]])
        answer = follow(ann, channel, since)
        assert sorted(answer) == ['events', 'last']
        assert answer['last'] == answer['events'][-1]['position'] > since
        assert {event['channel'] for event in answer['events']} == {channel}
        since = answer['last']
        found += answer['events']
    assert payloads({'events': found}) == [[0, 'a'], {'ä€': 0}, [1, 'a'], {'ä€': 1}, [2, 'a'], {'ä€': 2}]
    positions = [event['position'] for event in found]
    assert positions == sorted(set(positions))


def test_a_held_follower_is_woken_when_model_code_commits(holding, ann, admin, channel, last):
    """Held until there are some; a failed call publishes nothing."""
    answer = holding.follow(ann, [channel, f'{channel}-2'], last)
    with pytest.raises(RpcError, match='rolled back'):
        admin.rpc(TELLER, 'publish', [channel, ['never'], True])
    admin.rpc(TELLER, 'publish', [f'{channel}-other', ['not followed']])
    admin.rpc(TELLER, 'publish', [f'{channel}-2', ['committed']])
    assert payloads(answer.result().json()) == ['committed']


def test_since_0_gives_all_that_is_kept(ann, publish, channel):
    """A page that has seen nothing begins at 0."""
    publish(channel, *range(5))
    assert payloads(follow(ann, channel, 0)) == [0, 1, 2, 3, 4]


def test_answers_follow_the_order_of_the_commits(transaction, ann, channel, last):
    """Whoever writes first and commits last has the greater position, and is read last."""
    with transaction() as late:
        publishing.publish(late, channel, 'written first')
        with transaction() as early:
            publishing.publish(early, channel, 'committed first')
        first = follow(ann, channel, last)
    second = follow(ann, channel, first['last'])
    assert payloads(first) + payloads(second) == ['committed first', 'written first']


def test_no_position_is_given_before_all_smaller_ones_can_be_seen(transaction, ann, publish, channel, last):
    """A transaction whose event has its number holds up the commits of others that publish, until its own is over."""
    with ThreadPoolExecutor(1) as pool:
        with transaction() as numbered:
            publishing.publish(numbered, channel, 'numbered first')
            numbered.execute("SET CONSTRAINTS ALL IMMEDIATE")       # what its commit would do
            other = pool.submit(publish, channel, 'numbered second')
            with pytest.raises(NotYet):
                other.result(timeout=0.5)
        other.result(timeout=SECONDS)
    assert payloads(follow(ann, channel, last)) == ['numbered first', 'numbered second']


def test_writing_holds_up_nobody_before_the_commit(transaction, publish, channel):
    """The lock is held for the commit only: a long transaction that has published keeps no other one waiting."""
    with ThreadPoolExecutor(1) as pool, transaction() as long:
        publishing.publish(long, channel, 'long')
        pool.submit(publish, channel, 'short').result(timeout=SECONDS)


def test_an_answer_is_bounded_and_the_next_goes_on(ann, publish, channel, last):
    """A thousand events an answer: the rest comes with the next poll, from memory and from the table."""
    publish(channel, *range(2500))
    for route_since in (last, 0):       # 0 is older than what is in memory
        sizes, found, since = [], [], route_since
        while len(found) < 2500:
            answer = follow(ann, channel, since)
            sizes.append(len(answer['events']))
            found += payloads(answer)
            since = answer['last']
        assert found == list(range(2500))
        assert sizes == [ANSWER_EVENTS, ANSWER_EVENTS, 500]


def test_an_answer_is_bounded_in_bytes(ann, publish, channel, last):
    """Payloads of a megabyte come a few at a time: not a thousand at once."""
    publish(channel, *[str(number) + 'x' * (MEGABYTE - 3) for number in range(9)])
    found, since = [], last
    while len(found) < 9:
        answer = follow(ann, channel, since)
        assert 1 <= len(answer['events']) <= 5
        found += [payload[0] for payload in payloads(answer)]
        since = answer['last']
    assert found == list('012345678')


def test_a_payload_of_a_megabyte_is_carried_and_a_larger_one_is_a_value_error(ann, admin, publish, channel, last):
    """Payloads up to 1 MB; the ValueError says how long it was and what to do."""
    largest = 'x' * (MEGABYTE - 2)      # and its quotes
    admin.rpc(TELLER, 'publish', [channel, [largest]])
    assert payloads(follow(ann, channel, last)) == [largest]
    with pytest.raises(ValueError, match='is 1048577 bytes long, but a feed keeps 1048576: publish an id'):
        publish(channel, largest + 'x')
    with pytest.raises(RpcError, match='is 1048577 bytes long, but a feed keeps 1048576: publish an id'):
        admin.rpc(TELLER, 'publish', [channel, [largest + 'x']])


@pytest.mark.parametrize('payload', [None, 'a\x00b', '\ud800', {'': []}, 2 ** 70, "'; DROP TABLE res_users; --%s"],
                         ids=['none', 'nul', 'surrogate', 'empty', 'large', 'sql'])
def test_whatever_has_a_form_in_json_comes_as_it_was(ann, publish, channel, last, payload):
    """The payload is what the page gets, character by character."""
    publish(channel, payload)
    assert payloads(follow(ann, channel, last)) == [payload]


@pytest.mark.parametrize('since', [-1, 2 ** 63, 'x', None, 1.5, True, [0]], ids=str)
def test_a_malformed_position_is_refused(ann, channel, since, log):
    """Client text gets a 400 with one sentence."""
    answer = ann.poll('/news/follow', {'channels': channel, 'since': since})
    assert (answer.status_code, answer.json()) == (400, {'error': 'A position is a whole number from 0 on.'})
    assert 'Traceback' not in log()


def run_the_scheduled_action(stack, admin, sql):
    """What the host's scheduler does once an hour."""
    [(action,)] = sql("SELECT res_id FROM ir_model_data WHERE module = 'web_longpolling' AND name = 'cron_purge'")
    if stack.host == 'openerp-7.0':
        [cron] = admin.rpc('ir.cron', 'read', [[action], ['model', 'function', 'args', 'active']])
        assert cron['active'] and cron['args'] == '()'
        admin.rpc(cron['model'], cron['function'])
    else:
        admin.rpc('ir.cron', 'method_direct_trigger', [[action]])


def test_who_comes_back_too_late_is_told_that_some_are_missing(stack, ann, admin, sql, publish, channel, last):
    """The host's own scheduled action forgets what is older than longpolling_retention: a day."""
    publish(channel, 'old 1', 'old 2')
    publish(channel, 'kept')
    seen = last_position(sql)
    sql("UPDATE longpolling_event SET create_date = create_date - interval '86500 s' WHERE position < %s", (seen,))
    run_the_scheduled_action(stack, admin, sql)
    publish(channel, 'new')
    stack.stop_sidecar()        # one that has not seen any of them
    stack.start_sidecar()
    late = follow(ann, channel, last)
    assert (payloads(late), late['missed']) == (['kept', 'new'], True)
    early = follow(ann, channel, seen - 1)      # has seen all that is forgotten
    assert (payloads(early), 'missed' in early) == (['kept', 'new'], False)
    assert payloads(follow(ann, channel, seen)) == ['new']


def test_all_forgotten_is_told_too(stack, ann, sql, transaction, publish, channel, holding):
    """An empty feed still knows up to which position it has forgotten."""
    publish(channel, 'old')
    seen = last_position(sql)
    sql("UPDATE longpolling_event SET create_date = create_date - interval '2 days'")
    with transaction() as cr:
        assert schema.purge(cr, 86400) > 0
    assert last_position(sql) == 0
    stack.stop_sidecar()
    stack.start_sidecar()
    assert follow(ann, channel, seen - 1) == {'last': seen, 'events': [], 'missed': True}
    answer = holding.follow(ann, channel, seen)     # who has seen it waits as ever
    publish(channel, 'new')
    assert payloads(answer.result().json()) == ['new']
    assert 'missed' not in answer.result().json()


def test_a_position_that_was_never_given_is_told_as_missed(ann, sql, publish, channel):
    """As after a restore of an older copy: the reader begins anew from the position that it is told."""
    publish(channel, 'one')
    last = last_position(sql)
    answer = follow(ann, channel, last + 1000)
    assert answer == {'last': last, 'events': [], 'missed': True}


def test_one_query_a_wake_up_serves_all_followers(holding, ann, publish, channel, last):
    """Of thirty followers of three channels ten are answered from one read of the table."""
    names = [f'{channel}-{number}' for number in range(3)]
    answers = [holding.threads.submit(ann.clone().poll, '/news/follow', {'channels': [name], 'since': last})
               for name in names * 10]
    eventually(lambda: holding.now()['following'] == 30 and not holding.now()['cursors'])
    before = holding.now()['reads']
    publish(names[0], 'first')
    assert {payloads(answer.result().json())[0] for answer in answers[0::3]} == {'first'}
    assert holding.now()['following'] == 20     # it does not concern the others
    assert holding.now()['reads'] == before + 1
    for name in names[1:]:
        publish(name, 'second')
    assert {payloads(answer.result().json())[0] for answer in answers} == {'first', 'second'}
