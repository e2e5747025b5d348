"""longpolling.publish in model code, request.follow in a controller."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.clients import RpcError
from tests.support.held_polls import SECONDS, eventually
from tests.support.pages import POSITION, SINCE, Page, following, payloads
from web_longpolling import publishing

TELLER = 'longpolling.test.teller'
MEGABYTE = 1024 * 1024
ANSWER_EVENTS = 1000


def test_the_first_poll_of_a_page_is_answered_at_once_with_a_position_alone(ann, publish, channel):
    """204 with the position: what is published after it is not lost, what was before it is not told."""
    publish(channel, 'before')
    page = following(ann, channel)
    publish(channel, 'after')
    assert page.payloads() == ['after']


def test_a_page_that_passes_its_position_back_gets_every_event_once_and_in_order(ann, admin, channel):
    """Published by model code of the host, one call a transaction, read in three answers."""
    page, found = following(ann, channel), []
    for number in range(3):
        admin.rpc(TELLER, 'publish', [channel, [[number, 'a'], {'ä€': number}]])
        answer = page.answer()
        assert sorted(answer) == ['events', 'position']
        assert answer['position'] == page.position
        assert [sorted(event) for event in answer['events']] == [['channel', 'id', 'payload']] * 2
        assert {event['channel'] for event in answer['events']} == {channel}
        found += answer['events']
    assert payloads({'events': found}) == [[0, 'a'], {'ä€': 0}, [1, 'a'], {'ä€': 1}, [2, 'a'], {'ä€': 2}]
    ids = [event['id'] for event in found]
    assert ids == sorted(set(ids))


def test_a_position_may_be_passed_as_since_by_the_controller(ann, publish, channel):
    """A client without the class sends it as it likes: as a parameter here."""
    position = following(ann, channel).position
    publish(channel, 'news')
    response = ann.poll('/news/follow', {'channels': channel, 'since': position})
    assert payloads(response.json()) == ['news']
    assert response.json()['position'] == response.headers[POSITION]
    other = following(ann, channel).position
    response = ann.poll('/news/follow', {'channels': channel, 'since': position}, headers={SINCE: other})
    assert payloads(response.json()) == ['news'], 'what the controller says wins over the header'


def test_a_held_follower_is_woken_when_model_code_commits(holding, ann, admin, channel):
    """Held until there are some; a failed call publishes nothing."""
    answer = holding.follow(ann, channel, f'{channel}-2')
    with pytest.raises(RpcError, match='rolled back'):
        admin.rpc(TELLER, 'publish', [channel, ['never'], True])
    admin.rpc(TELLER, 'publish', [f'{channel}-other', ['not followed']])
    admin.rpc(TELLER, 'publish', [f'{channel}-2', ['committed']])
    assert payloads(answer.result().json()) == ['committed']


def test_what_is_read_between_two_polls_is_the_rest(ann, publish, channel):
    """Events of several transactions come in one answer, in the order of publishing."""
    page = following(ann, channel)
    for number in range(3):
        publish(channel, number)
    assert page.payloads() == [0, 1, 2]
    publish(channel, 3)
    assert page.payloads() == [3]


def test_an_event_that_is_written_first_and_commits_last_is_not_lost(transaction, ann, channel):
    """Whoever writes first and commits last is read last, and is read."""
    page = following(ann, channel)
    with transaction() as late:
        publishing.publish(late, channel, 'written first')
        with transaction() as early:
            publishing.publish(early, channel, 'committed first')
        assert page.payloads() == ['committed first']
        again = following(ann, channel)       # begins while the other transaction is under way
    assert page.payloads() == ['written first']
    assert again.payloads() == ['written first']


def test_publishing_holds_up_nobody(transaction, publish, ann, channel):
    """A long transaction that has published keeps no other one waiting, nor those who follow."""
    page = following(ann, channel)
    with ThreadPoolExecutor(1) as pool, transaction() as long:
        publishing.publish(long, channel, 'long')
        long.execute("SET CONSTRAINTS ALL IMMEDIATE")
        pool.submit(publish, channel, 'short').result(timeout=SECONDS)
        assert page.payloads() == ['short']
    assert page.payloads() == ['long']


def test_what_a_savepoint_takes_back_is_not_published(transaction, ann, channel):
    """An event belongs to its transaction, and goes with the part of it that is rolled back."""
    page = following(ann, channel)
    with transaction() as cr:
        publishing.publish(cr, channel)
        cr.execute("SAVEPOINT one")
        publishing.publish(cr, channel, 'kept')
        cr.execute("SAVEPOINT two")
        publishing.publish(cr, channel, 'taken back')
        cr.execute("ROLLBACK TO SAVEPOINT two")
    assert page.payloads() == [None, 'kept']


def test_signals_of_one_transaction_are_one(transaction, publish, ann, channel):
    """Without a payload it is a mere signal; one that a savepoint has taken back does not count."""
    page = following(ann, channel, f'{channel}-2')
    with transaction() as cr:
        cr.execute("SAVEPOINT one")
        publishing.publish(cr, channel)
        cr.execute("ROLLBACK TO SAVEPOINT one")
        for name in (channel, f'{channel}-2', channel):
            publishing.publish(cr, name)
    answer = page.answer()
    assert [(event['channel'], event['payload']) for event in answer['events']] == [
        (channel, None), (f'{channel}-2', None)]
    publish(channel, None)
    assert page.payloads() == [None]


class Counting:
    """A cursor that counts its statements."""

    def __init__(self, cr):
        self.cr, self.statements = cr, 0

    def execute(self, *arguments):
        self.statements += 1
        self.cr.execute(*arguments)


def test_many_events_are_published_by_few_statements_and_in_their_order(transaction, ann, channel):
    channels, found = [channel, f'{channel}-2', f'{channel}-3'], []
    page = following(ann, *channels)
    with transaction() as cr:
        counting = Counting(cr)
        publishing.publish(cr, channel, 'before')
        publishing.publish_many(counting, ((channels[number % 3], number) for number in range(2500)))
        publishing.publish_many(counting, [])
        publishing.publish(cr, channel, 'after')
    while len(found) < 2502:
        found += page.payloads()
    assert found == ['before', *range(2500), 'after']
    assert counting.statements == 3


def test_large_events_are_published_by_more_statements(transaction, ann, channel):
    """A statement is bounded in bytes too."""
    page, found, large = following(ann, channel), [], 'x' * (MEGABYTE - 2)
    with transaction() as cr:
        counting = Counting(cr)
        publishing.publish_many(counting, [(channel, payload) for payload in [large] * 5 + ['small']])
    while len(found) < 6:
        found += page.payloads()
    assert found == [large] * 5 + ['small']
    assert counting.statements == 2


def test_signals_among_many_events_are_one_in_a_transaction(transaction, ann, channel):
    """Those before, those among them, and those after."""
    page = following(ann, channel, f'{channel}-2')
    with transaction() as cr:
        publishing.publish(cr, channel)
        publishing.publish_many(cr, [(channel, 1), (channel, None), (f'{channel}-2', None), (channel, 2),
                                     (f'{channel}-2', None)])
        publishing.publish(cr, f'{channel}-2')
    assert [(event['channel'], event['payload']) for event in page.answer()['events']] == [
        (channel, None), (channel, 1), (f'{channel}-2', None), (channel, 2)]


def test_of_many_events_none_is_published_if_one_can_not_be(transaction, ann, publish, channel):
    page = following(ann, channel)
    with transaction() as cr:
        for events in ([(channel, 1), (channel, object())], [(channel, 1), ('', 2)], [(channel, 'x' * MEGABYTE)]):
            with pytest.raises(ValueError):
                publishing.publish_many(cr, events)
    publish(channel, 'next')
    assert page.payloads() == ['next']


def test_many_events_of_model_code_wake_those_who_follow(holding, ann, admin, channel):
    answer = holding.follow(ann, channel)
    admin.rpc(TELLER, 'publish_many', [[[channel, 'one'], [channel, 'two']]])
    assert payloads(answer.result().json()) == ['one', 'two']


def test_rows_that_another_program_writes_arrive_within_a_second_or_two(ann, sql, holding, channel):
    """Nobody has sent a wake-up: the sidecar's own look finds them while somebody follows."""
    answer = holding.follow(ann, channel)
    sql("INSERT INTO longpolling_event (channel, payload) VALUES (%s, '{\"from\": \"psql\"}'), (%s, NULL)",
        (channel, channel))
    assert payloads(answer.result(timeout=SECONDS).json()) == [{'from': 'psql'}, None]


def test_a_payload_that_another_program_has_botched_reaches_the_page_as_text(ann, sql, channel, log):
    """It can't be JSON to the page, and must not keep it from what comes after it."""
    page = following(ann, channel)
    sql("INSERT INTO longpolling_event (channel, payload) VALUES (%s, 'no \"JSON\"'), (%s, '1')", (channel, channel))
    assert page.payloads() == ['no "JSON"', 1]


def test_an_answer_is_bounded_and_the_next_goes_on(stack, ann, publish, channel):
    """A thousand events an answer: the rest comes with the next poll, from memory and from the table."""
    begun = following(ann, channel).position
    publish(channel, *range(1200))
    publish(channel, *range(1200, 2500))
    for fresh in (False, True):
        if fresh:
            stack.stop_sidecar()
            publish('another', *range(11000))       # more than is kept in memory
            stack.start_sidecar()
        page, sizes, found = following(ann, channel, position=begun), [], []
        while len(found) < 2500:
            answer = page.answer()
            assert 'missed' not in answer
            sizes.append(len(answer['events']))
            found += payloads(answer)
        assert found == list(range(2500))
        assert sizes == [ANSWER_EVENTS, ANSWER_EVENTS, 500]
    publish(channel, 'and on')
    assert page.payloads() == ['and on']


def test_what_commits_between_two_parts_of_an_answer_comes_once(transaction, ann, publish, channel):
    """A transaction that was under way at the first part, with an id that this has passed, is not lost with it."""
    page = following(ann, channel)
    with transaction() as late:
        publishing.publish(late, channel, 'late')
        publish(channel, *range(1500))
        first = page.payloads()
    publish(channel, 'last')
    rest = page.payloads() + page.payloads()
    assert first + rest == [*range(1500), 'late', 'last']


def test_an_answer_is_bounded_in_bytes(ann, publish, channel):
    """Payloads of a megabyte come a few at a time: not a thousand at once."""
    page, found = following(ann, channel), []
    publish(channel, *[str(number) + 'x' * (MEGABYTE - 3) for number in range(9)])
    while len(found) < 9:
        answer = page.answer()
        assert 1 <= len(answer['events']) <= 5
        found += [payload[0] for payload in payloads(answer)]
    assert found == list('012345678')


def test_more_than_memory_holds_arrives_all_the_same(holding, ann, publish, channel):
    """A transaction of 40 MB: those who follow are answered from the table, in parts."""
    page = following(ann, channel)
    answer = holding.hold(page)
    publish(channel, *[[number, 'x' * (MEGABYTE - 20)] for number in range(40)])
    found = [payload[0] for payload in payloads(answer.result().json())]
    while len(found) < 40:
        found += [payload[0] for payload in page.payloads()]
    assert found == list(range(40))


def test_a_payload_of_a_megabyte_is_carried_and_a_larger_one_is_a_value_error(ann, admin, publish, channel):
    """Payloads up to 1 MB; the ValueError says how long it was and what to do."""
    page = following(ann, channel)
    largest = 'x' * (MEGABYTE - 2)      # and its quotes
    admin.rpc(TELLER, 'publish', [channel, [largest]])
    assert page.payloads() == [largest]
    with pytest.raises(ValueError, match='is 1048577 bytes long, but the feed keeps 1048576: publish an id'):
        publish(channel, largest + 'x')
    with pytest.raises(RpcError, match='is 1048577 bytes long, but the feed keeps 1048576: publish an id'):
        admin.rpc(TELLER, 'publish', [channel, [largest + 'x']])


@pytest.mark.parametrize('payload', [None, 'a\x00b', '\ud800', {'': []}, 2 ** 70, False,
                                     "'; DROP TABLE res_users; --%s"],
                         ids=['none', 'nul', 'surrogate', 'empty', 'large', 'false', 'sql'])
def test_whatever_has_a_form_in_json_comes_as_it_was(ann, publish, channel, payload):
    """The payload is what the page gets, character by character."""
    page = following(ann, channel)
    publish(channel, payload)
    assert page.payloads() == [payload]


@pytest.mark.parametrize('payload', [object(), float('nan'), {1, 2}, {(1, 2): 3}, [[float('inf')]]],
                         ids=['object', 'nan', 'set', 'key', 'infinity'])
def test_a_payload_without_a_form_in_json_is_a_value_error(publish, channel, payload):
    with pytest.raises(ValueError, match='JSON'):
        publish(channel, payload)


@pytest.mark.parametrize('name', ['', None, 5, 'x' * 256, 'a\x00b', '\ud800', b'\xff'],
                         ids=['empty', 'none', 'number', 'long', 'nul', 'surrogate', 'bytes'])
def test_what_is_no_name_of_a_channel_is_a_value_error(publish, name):
    """A channel is a name of 1 to 255 characters."""
    with pytest.raises(ValueError):
        publish(name, 'payload')


def test_a_name_of_a_channel_may_hold_anything_else(ann, publish, channel):
    """Names are values, never a part of SQL."""
    odd = f"{channel}-';\\ä€\U0001f600\" --%s"
    page = following(ann, odd)
    publish(odd + 'x', 'other')
    publish(odd, 'odd')
    assert page.payloads() == ['odd']


@pytest.mark.parametrize('name', ['a\x00b', '\ud800', '', 'x' * 256], ids=['nul', 'surrogate', 'empty', 'long'])
def test_a_channel_of_the_browsers_that_is_none_is_a_bad_request(ann, name, log):
    """Client text never reaches SQL or the log unchecked: 400 with one sentence."""
    for route in ('/news/follow', '/news/wait'):
        answer = ann.poll(route, {'channels': [name]})
        assert answer.status_code == 400, answer.text
        assert 'channel' in answer.json()['error'] or 'NUL' in answer.json()['error']
    assert 'Traceback' not in log()


def test_to_follow_nothing_is_an_error_of_the_controller(ann, log):
    assert ann.poll('/news/nothing').status_code == 500
    assert 'Name at least one channel' in log()


@pytest.mark.parametrize('position', [
    'x', '-1', '1.5', '0' * 20, 'f' * 12 + '.', 'f' * 12 + '.1-2', 'f' * 12 + '.9-1-0', 'f' * 12 + '.zzzzzzzzzzzzzz',
    'f' * 12 + '.a.b', 'f' * 12 + '.a.b.c.d', 'f' * 12 + '.A', "f' OR 1=1 --", 'f' * 12 + '.a' + '-1' * 3000 + '-zz',
    [0], 1.5, True, {}], ids=lambda value: str(value)[:20])
def test_a_malformed_position_is_refused(ann, channel, position, log):
    """Client text gets a 400 with one sentence."""
    sent = [ann.poll('/news/follow', {'channels': channel, 'since': position})]
    if isinstance(position, str):
        sent += [Page(ann, '/news/follow', {'channels': channel}, position).poll(),
                 Page(ann, '/news/wait', {'channels': [channel]}, position).poll()]
    for answer in sent:
        assert (answer.status_code, answer.json()) == (
            400, {'error': 'A position is a text that an earlier answer carried.'})
    assert 'Traceback' not in log()


@pytest.mark.parametrize('position', [0, 17, '17'], ids=repr)
def test_a_position_of_the_first_design_is_answered_with_missed(ann, publish, channel, position):
    """It was a number; pages that are open during the update read their state anew."""
    response = ann.poll('/news/follow', {'channels': channel, 'since': position})
    answer = response.json()
    assert (answer['events'], answer['missed']) == ([], True)
    publish(channel, 'new')
    assert following(ann, channel, position=answer['position']).payloads() == ['new']
    waiting = Page(ann, '/news/wait', {'channels': [channel]}, str(position))
    assert waiting.answer() == [channel]
    assert waiting.position


def test_two_follows_in_one_poll_go_on_from_one_another(holding, ann, publish, channel):
    """The second has seen what the first has."""
    page = Page(ann.clone(), '/news/two', {'first': channel, 'second': [channel, 'x' + channel]},
                following(ann, channel).position)
    publish(channel, 'one')
    answer = holding.hold(page)
    publish('x' + channel, 'two')
    assert [payloads(part) for part in answer.result().json()] == [['one'], ['two']]


def test_waiting_inside_a_snapshot_is_refused(holding, ann, log):
    """Waiting inside an open snapshot would starve the budget: 500, and the log names the rule."""
    for kind in ('wait', 'follow'):
        answer = ann.poll(f'/news/snapshot/{kind}')
        assert answer.status_code == 500
        assert 'snapshot' not in answer.text
    assert log().count('may not wait for news while it holds a snapshot') == 2
    assert holding.polls == 0


def test_one_query_a_wake_up_serves_all_followers(holding, ann, publish, channel):
    """Of thirty followers of three channels ten are answered from one read of the table."""
    names = [f'{channel}-{number}' for number in range(3)]
    position = following(ann, channel).position
    pages = [following(ann.clone(), name, position=position) for name in names * 10]
    answers = [holding.threads.submit(page.poll) for page in pages]
    eventually(lambda: holding.now()['following'] == 30 and not holding.now()['cursors'])
    publish(names[0], 'first')
    assert {payloads(answer.result().json())[0] for answer in answers[0::3]} == {'first'}
    assert len({page.position for page in pages[0::3]}) == 1
    assert holding.now()['following'] == 20     # it does not concern the others
    for name in names[1:]:
        publish(name, 'second')
    assert {payloads(answer.result().json())[0] for answer in answers} == {'first', 'second'}


def test_nobody_follows_and_nobody_reads(holding, ann, publish, channel):
    """The look is for those who wait; without them PostgreSQL is left alone."""
    following(ann, channel)
    eventually(lambda: holding.polls == 0)
    time.sleep(0.2)
    before = holding.now()['reads']
    time.sleep(2.5)
    assert holding.now()['reads'] == before
