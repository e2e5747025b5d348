"""news/replay_buffer.py: what followers are answered with from memory is what the table would say."""

import random

import pytest

from web_longpolling.positions import Position, Snapshot, decode
from web_longpolling.sidecar.news import replay_buffer
from web_longpolling.sidecar.news.events import FeedEvent
from web_longpolling.sidecar.news.replay_buffer import ReplayBuffer

ORIGIN = 'a' * 12
C, D = frozenset('c'), frozenset('d')


def snapshot(xmax, *in_flight):
    return Snapshot(xmax, frozenset(in_flight))


def event(number, txid, channel='c', payload=b'1'):
    return FeedEvent(number, txid, channel, payload)


@pytest.fixture
def buffer():
    """Three reads: transactions 10, 11; then 12 while 13 is in flight; then 13."""
    made = ReplayBuffer(ORIGIN, snapshot(10), snapshot(10))
    made.append(snapshot(12), [event(1, 10), event(2, 11, 'd')])
    made.append(snapshot(14, 13), [event(4, 12)])
    made.append(snapshot(15), [event(3, 13), event(5, 13, 'd')])
    return made


def ids(found):
    return [] if found.batch is None else [each['id'] for each in found.batch['events']]


@pytest.mark.parametrize('position, c, d', [
    (snapshot(10), [1, 3, 4], [2, 5]), (snapshot(12), [3, 4], [5]), (snapshot(14, 13), [3], [5]),
    (snapshot(15), [], []),
    (snapshot(13), [3], [5]), (snapshot(12, 11), [3, 4], [2, 5]), (snapshot(13, 12), [3, 4], [5])])
def test_what_is_new_to_a_position_is_found(buffer, position, c, d):
    assert buffer.covers(Position(position))
    assert ids(buffer.find(C, Position(position))) == c
    assert ids(buffer.find(D, Position(position))) == d
    assert ids(buffer.find(C | D, Position(position))) == sorted(c + d)
    assert ids(buffer.find(frozenset('x'), Position(position))) == []


@pytest.mark.parametrize('position', [snapshot(9), snapshot(10, 9), snapshot(20, 8)])
def test_a_position_from_before_it_began_is_not_covered(buffer, position):
    assert not buffer.covers(Position(position))


def test_a_position_that_is_ahead_keeps_what_it_has_seen(buffer):
    """Another sidecar has read later: nothing is new, and its position must not be taken back."""
    found = buffer.find(C, Position(snapshot(30)))
    assert found.batch is None
    assert found.position == Position(snapshot(30))
    buffer.append(snapshot(31), [event(9, 20), event(10, 30)])
    assert ids(buffer.find(C, Position(snapshot(30)))) == [10]


def test_who_waits_since_the_latest_read_is_found_by_the_number_of_a_batch(buffer):
    number = buffer.append(snapshot(20), [event(6, 16), event(7, 17, 'd')])
    buffer.append(snapshot(21), [event(8, 20)])
    assert ids(buffer.find(C, Position(snapshot(15)), number)) == [6, 8]
    assert buffer.find(C, Position(snapshot(15)), number) is buffer.find(C, Position(snapshot(12)), number), 'shared'


def test_the_oldest_are_forgotten_beyond_its_bounds(buffer, monkeypatch):
    monkeypatch.setattr(replay_buffer, 'BUFFER_EVENTS', 4)
    buffer.append(snapshot(16), [event(6, 15)])
    assert not buffer.covers(Position(snapshot(10)))
    assert buffer.covers(Position(snapshot(12)))
    assert ids(buffer.find(C, Position(snapshot(12)))) == [3, 4, 6]
    monkeypatch.setattr(replay_buffer, 'BUFFER_BYTES', 1000)
    buffer.append(snapshot(17), [event(7, 16, payload=b'1' * 900)])
    assert buffer.start == snapshot(17)
    assert not buffer.covers(Position(snapshot(16)))
    assert ids(buffer.find(C, buffer.find(C, Position(snapshot(17))).position)) == []


def test_answers_are_kept_for_others_within_a_bound(buffer, monkeypatch):
    monkeypatch.setattr(replay_buffer, 'ANSWERS_BYTES', 5000)
    buffer.append(snapshot(20), [event(6, 16, payload=b'1' * 1000)])
    assert buffer.find(C, Position(snapshot(15))) is buffer.find(C, Position(snapshot(15)))
    for xmax in range(15, 20):
        buffer.find(C, Position(snapshot(xmax, 14)))
    assert buffer._answers_bytes <= 5000


def test_a_long_answer_comes_in_parts(buffer):
    buffer.append(snapshot(20), [event(number, 16) for number in range(100, 2600)])
    position, found = Position(snapshot(15)), []
    while True:
        part = buffer.find(C, position)
        if part.batch is None:
            break
        found += ids(part)
        position = decode(part.batch['position'])[1]
        if len(found) == 1000:      # meanwhile a transaction commits that has taken low ids
            buffer.append(snapshot(21), [event(50, 20)])
    assert found == [*range(100, 2600), 50]
    assert position == Position(snapshot(21))


def test_it_agrees_with_the_sets_in_a_thousand_random_histories():
    """Transactions that publish commit in any order; readers with any position get exactly what they lack."""
    chance = random.Random(2)
    for _ in range(1000):
        txids, open_ones, number, seen = 1, [], 0, []
        made, kept = ReplayBuffer(ORIGIN, snapshot(1), snapshot(1)), []
        history = [snapshot(1)]
        for _ in range(chance.randint(1, 12)):
            if chance.random() < 0.6:
                open_ones.append((txids, []))
                txids += 1
            for txid, events in open_ones:
                if chance.random() < 0.5:
                    number += 1
                    events.append(event(number, txid, chance.choice('cd')))
            if open_ones and chance.random() < 0.7:
                seen += open_ones.pop(chance.randrange(len(open_ones)))[1]
            now = snapshot(txids, *(txid for txid, _ in open_ones))
            history.append(now)
            if chance.random() < 0.6:
                new = sorted(each for each in seen if each not in kept)
                made.append(now, new)
                kept += new
        for position in map(Position, history):
            for channels in (C, D, C | D):
                found = ids(made.find(channels, position))
                wanted = [each.id for each in kept if each.channel in channels and not position.has(each)]
                assert found == sorted(wanted)
