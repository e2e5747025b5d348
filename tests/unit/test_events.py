"""news/events.py: published events, and the answer that carries some of them."""

import json

import pytest

from web_longpolling.sidecar.news import events
from web_longpolling.sidecar.news.events import EventBatch, FeedEvent, first_part, is_json


def event(number, payload=b'1', channel='wall'):
    return FeedEvent(number, 10, channel, payload)


def test_a_batch_reads_like_a_mapping_and_is_encoded_as_one():
    batch = EventBatch('12.a', [event(1, b'{"a": "\\u20ac"}'), event(2, b'null', 'ä€')])
    assert dict(batch) == {'position': '12.a', 'events': [
        {'id': 1, 'channel': 'wall', 'payload': {'a': '€'}}, {'id': 2, 'channel': 'ä€', 'payload': None}]}
    assert json.loads(batch.encoded()) == dict(batch)
    assert 'missed' not in batch and len(batch) == 2


def test_that_events_are_missing_is_a_member_of_its_own():
    batch = EventBatch('12.a', [], missed=True)
    assert dict(batch) == {'position': '12.a', 'events': [], 'missed': True}
    assert json.loads(batch.encoded()) == dict(batch)


def test_what_one_controller_does_to_the_events_is_not_anothers():
    batch = EventBatch('12.a', [event(1, b'[1]')])
    batch['events'][0]['payload'].append(2)
    batch['events'].clear()
    assert batch['events'] == [{'id': 1, 'channel': 'wall', 'payload': [1]}]
    with pytest.raises(TypeError):
        batch['events'] = []


def test_the_answer_is_built_once_for_all_who_get_it():
    batch, built = EventBatch('12.a', []), []
    answers = {batch.shared(lambda: built.append(1) or 'answer') for _ in range(3)}
    assert (answers, built) == ({'answer'}, [1])


def test_a_part_is_bounded_in_number_and_in_bytes(monkeypatch):
    many = [event(number) for number in range(events.ANSWER_EVENTS + 1)]
    assert first_part(many) == (many[:-1], False)
    assert first_part(many[:-1]) == (many[:-1], True)
    monkeypatch.setattr(events, 'ANSWER_BYTES', 10)
    large = [event(number, b'x' * 6) for number in range(3)]
    assert first_part(large) == (large[:2], False)
    assert first_part([event(1, b'x' * 100)]) == ([event(1, b'x' * 100)], True), 'one event at least'


@pytest.mark.parametrize('payload, is_one', [
    (b'1', True), (b'{"a": [null]}', True), (b'"\\u0000"', True), (b'', False), (b'NaN', False),
    (b'[-Infinity]', False),
    (b'no', False), (b'[1', False), (b'[' * 100_000, False), ('"ä"'.encode(), True), (b'"\xff"', False)])
def test_what_browsers_can_not_read_is_no_json(payload, is_one):
    assert is_json(payload) is is_one
