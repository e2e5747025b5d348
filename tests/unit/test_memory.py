"""sidecar/loop/memory.py: what was given up is collected when it is worth that everything waits."""

import pytest

from web_longpolling.sidecar.loop import memory


@pytest.fixture
def clock(monkeypatch):
    """`clock[0]` is the time."""
    now = [1000.0]
    monkeypatch.setattr(memory, 'monotonic', lambda: now[0])
    return now


@pytest.fixture
def collections(monkeypatch):
    """Counts collections of everything."""
    done = []
    monkeypatch.setattr(memory.gc, 'collect', lambda: done.append(1))
    return done


def test_little_waits_for_an_hour_and_much_for_a_minute(clock, collections):
    collector = memory.Collector()
    clock[0] += memory.LONGEST
    collector.collect()
    assert not collections, 'there is nothing'
    collector.gave_up(10e6)
    collector.collect()
    assert len(collections) == 1, 'the last one was long ago'
    collector.gave_up(10e6)
    clock[0] += memory.PAUSE
    collector.collect()
    assert len(collections) == 1
    for _ in range(20):
        collector.gave_up()
    collector.collect()
    assert len(collections) == 2
    collector.gave_up(1e9)
    collector.collect()
    assert len(collections) == 2
    clock[0] += memory.PAUSE
    collector.collect()
    assert len(collections) == 3
