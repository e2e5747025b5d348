"""sidecar/loop/memory.py: what was given up is freed without a look at everything, which would hold all polls."""

import gc
import types
import weakref

import pytest

from web_longpolling.sidecar.loop import garbage, memory


class Model:
    """A model of a registry, and the registry itself."""


@pytest.fixture
def clock(monkeypatch):
    """`clock[0]` is the time."""
    now = [1000.0]
    monkeypatch.setattr(memory, 'monotonic', lambda: now[0])
    return now


@pytest.fixture
def collections():
    """The generations that were collected."""
    done = []

    def note(phase, told):
        if phase == 'start':
            done.append((told['generation'], gc.get_freeze_count()))
    gc.callbacks.append(note)
    yield done
    gc.callbacks.remove(note)
    gc.unfreeze()


def knot(number: int = 500) -> Model:
    """A registry: models in classes of its own and methods of them, in cycles, as old as can be."""
    with memory.without_collections():
        registry = Model()
        registry.models = {}
        for name in range(number):
            model = type(f'model {name}', (Model,), {'registry': registry})
            model.close = (lambda kept: lambda: kept)(model)
            registry.models[name] = model, model.close, [registry]
    return registry


def test_a_registry_that_was_given_up_is_freed_without_a_look_at_everything(collections):
    registry, other = knot(), knot()
    leftover = Model()
    leftover.itself = leftover
    gone, stays, frozen = (weakref.ref(each) for each in (registry, other, leftover))
    del leftover
    collector = memory.Collector()
    collector.gave_up(registry, 1e9)
    del registry, collections[:]
    collector.collect()
    assert gone() is None
    assert stays() is other and len(other.models) == 500
    assert frozen() is None         # young garbage goes with it
    frozen_then = [count for _, count in collections]
    assert frozen_then and min(frozen_then) > len(other.models)       # which no collection looked at
    assert not collector.due


def test_others_have_their_turns_while_a_registry_is_freed(monkeypatch, collections):
    turns = []
    monkeypatch.setattr(memory, '_pause', lambda: turns.append(gc.isenabled()))
    collector = memory.Collector()
    collector.gave_up(knot())
    collector.collect()
    assert len(turns) > 10 and not any(turns)
    assert gc.isenabled()


def test_garbage_of_the_loading_keeps_no_registry(collections):
    """As the host's cursors and environments, which are cycles that know the registry."""
    with memory.without_collections():
        registry, environment = Model(), Model()
        registry.itself = registry
        environment.itself, environment.registry = environment, registry
        del environment
    gone = weakref.ref(registry)
    collector = memory.Collector()
    collector.gave_up(registry)
    del registry
    collector.collect()
    assert gone() is None


def test_the_program_itself_is_not_made_young():
    """Modules, their classes and their functions' names are reached from every registry."""
    registry = Model()
    registry.program = [types, Model, knot]
    found = garbage._reachable(registry, lambda: None)
    assert any(each is registry for each in found)
    assert not any(each is types or each is Model or each is globals() for each in found)


def test_what_is_in_use_is_tried_again_and_at_last_left_to_a_collection_of_everything(clock, collections):
    registry = knot(10)
    gone = weakref.ref(registry)
    collector = memory.Collector()
    collector.gave_up(registry)
    tries = 0
    while len(collector._given_up):
        assert collector.due
        collector.collect()
        tries += 1
        assert not collector.due or not collector._given_up
        clock[0] += memory.AGAIN * 2 ** memory.TRIES
    assert tries == memory.TRIES and gone() is registry
    del registry, collections[:]
    clock[0] += memory.LONGEST
    assert collector.due
    collector.collect()
    assert gone() is None
    assert (2, 0) in collections
    assert not collector.due


@pytest.fixture
def all_at_once(monkeypatch):
    """Counts collections of everything, where nothing can be made young."""
    done = []
    monkeypatch.setattr(garbage, 'ctypes', None)
    monkeypatch.setattr(memory, '_unfreeze', lambda: done.append(1))
    return done


def test_little_waits_for_an_hour_and_much_for_a_minute(clock, all_at_once):
    collector, kept = memory.Collector(), Model()
    clock[0] += memory.LONGEST
    collector.collect()
    assert not all_at_once, 'there is nothing'
    collector.gave_up(kept, 10e6)
    collector.collect()
    assert len(all_at_once) == 1, 'the last one was long ago'
    collector.gave_up(kept, 10e6)
    clock[0] += memory.PAUSE
    collector.collect()
    assert len(all_at_once) == 1
    for _ in range(20):
        collector.gave_up(kept)
    collector.collect()
    assert len(all_at_once) == 2
    collector.gave_up(kept, 1e9)
    collector.collect()
    assert len(all_at_once) == 2
    clock[0] += memory.PAUSE
    collector.collect()
    assert len(all_at_once) == 3


@pytest.mark.parametrize(('beside_others', 'many', 'looks'), [(False, 10, True), (True, 10, False), (True, 1e6, True)])
def test_what_a_load_has_left_is_not_looked_at_if_it_is_much_and_others_would_wait(monkeypatch, collections,
                                                                                   beside_others, many, looks):
    monkeypatch.setattr(memory, 'MANY', many)
    with memory.without_collections(beside_others):
        kept = [[] for _ in range(1000)]
    assert bool(collections) == looks
    assert gc.get_freeze_count() > len(kept)
