"""positions.py: snapshots as opaque text, exact whatever order transactions commit in."""

import random

import pytest

from web_longpolling import positions
from web_longpolling.errors import BadRequest
from web_longpolling.positions import Position, Snapshot, decode, encode, origin_of
from web_longpolling.sidecar.news.events import FeedEvent

ORIGIN = origin_of('1/2/3/4')


def snapshot(xmax, *in_flight):
    return Snapshot(xmax, frozenset(in_flight))


@pytest.mark.parametrize('text', ['5:5:', '10:20:10,14,19', '9223372036854775000:9223372036854775807:'])
def test_a_snapshot_is_read_and_written_as_postgresql_does(text):
    parsed = Snapshot.parse(text)
    if parsed.in_flight or text.split(':')[0] == text.split(':')[1]:
        assert parsed.postgresql() == text
    assert Snapshot.parse(parsed.postgresql()) == parsed


@pytest.mark.parametrize('position', [
    Position(snapshot(1)), Position(snapshot(1000, 1, 2, 998)), Position(snapshot(2 ** 62, *range(5, 5000, 7))),
    Position(snapshot(50, 40), snapshot(70, 40, 60), 2 ** 40)])
def test_what_is_encoded_is_decoded_again(position):
    text = encode(ORIGIN, position)
    assert decode(text) == (ORIGIN, position)
    assert decode(text.encode()) == (ORIGIN, position)
    assert set(text) <= set('0123456789abcdefghijklmnopqrstuvwxyz.-'), 'it fits a header'


def test_a_position_is_short():
    """Two hundred transactions in flight side by side fit into less than a kilobyte."""
    text = encode(ORIGIN, Position(snapshot(10 ** 12, *range(10 ** 12 - 400, 10 ** 12, 2))))
    assert len(text) < 1024


def test_it_has_what_its_snapshot_sees_and_a_part_of_its_target():
    position = Position(snapshot(10, 7), snapshot(20, 15), 100)
    for event, had in ((FeedEvent(500, 5, 'c', b'1'), True),      # seen by the first snapshot, whatever its id
                       (FeedEvent(1, 7, 'c', b'1'), True),        # in flight then, seen by the target, carried
                       (FeedEvent(101, 7, 'c', b'1'), False),     # not yet carried
                       (FeedEvent(100, 12, 'c', b'1'), True),
                       (FeedEvent(1, 15, 'c', b'1'), False),      # in flight at the target
                       (FeedEvent(1, 20, 'c', b'1'), False)):
        assert position.has(event) is had, event


def test_covers_is_what_the_sets_of_seen_transactions_say():
    chance = random.Random(1)
    for _ in range(500):
        one, other = (snapshot(xmax, *(txid for txid in range(xmax) if chance.random() < 0.2))
                      for xmax in (chance.randint(1, 12), chance.randint(1, 12)))
        seen = [{txid for txid in range(20) if each.sees(txid)} for each in (one, other)]
        # A snapshot knows of all ids below its xmax: one with a lower xmax never covers one with a higher.
        assert one.covers(other) == (seen[0] >= seen[1] and one.xmax >= other.xmax)


@pytest.mark.parametrize('text', [
    '', 'x', ORIGIN, ORIGIN + '.', ORIGIN + '.-1', ORIGIN + '.1-2', ORIGIN + '.5-0', ORIGIN + '.A', ORIGIN + '.1.2',
    ORIGIN + '.1.2.3.4', ORIGIN + '.' + 'z' * 14, ORIGIN + '.zzzzzzzzzzzzz', ORIGIN.upper() + '.1', ORIGIN + '.1\n',
    '²', '1' * 20, ORIGIN + '.zzzz' + '-1' * (2 * positions.MOST_IN_FLIGHT + 1), None, True, 1.5, [], {}, b'\xff'])
def test_what_no_sidecar_has_written_is_a_bad_request(text):
    with pytest.raises(BadRequest):
        decode(text)


@pytest.mark.parametrize('text', [0, 5, '0', '17', '9' * 19])
def test_a_number_is_of_the_first_design(text):
    assert decode(text) == (None, None)


def test_another_identity_is_another_origin():
    assert origin_of('1/2/3/4') != origin_of('1/2/3/5')
    assert len(ORIGIN) == 12
