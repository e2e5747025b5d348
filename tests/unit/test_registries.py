"""host/registries.py: who loads a registry sees the new one, and all others the old one."""

import threading

import pytest

from web_longpolling.errors import DatabaseUnavailable
from web_longpolling.host.registries import NoLock, Registries


def elsewhere(function):
    """What it returns in another thread."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


@pytest.fixture
def registries():
    registries = Registries()
    with registries.loading('db'):
        registries['db'] = 'old'
    return registries


def test_a_registry_is_seen_by_others_when_it_is_complete(registries):
    with registries.loading('db'):
        assert 'db' not in registries       # the hosts remove the one of before
        registries['db'] = 'new'
        assert registries['db'] == 'new'
        assert elsewhere(lambda: registries['db']) == 'old'
    assert elsewhere(lambda: registries['db']) == registries['db'] == 'new'


def test_what_could_not_be_loaded_leaves_the_old_one(registries):
    with pytest.raises(ValueError, match='half'), registries.loading('db'):
        registries['db'] = 'new'
        raise ValueError('half')
    assert registries['db'] == 'old'


def test_the_one_that_is_being_loaded_may_be_removed_and_made_again(registries):
    with registries.loading('db'):
        registries['db'] = 'first'
        del registries['db']
        with pytest.raises(KeyError):
            registries['db']
        registries['db'] = 'second'
    assert registries['db'] == 'second'


def test_others_are_never_loaded_by_the_way(registries):
    """The hosts load what they do not find, if that is a KeyError."""
    with pytest.raises(DatabaseUnavailable):
        registries['other']
    with registries.loading('db'), pytest.raises(DatabaseUnavailable):
        registries['other']
    assert registries.get('other') is None
    assert registries.pop('other', None) is None


def test_one_that_is_forgotten_is_gone(registries):
    registries.pop('db', None)
    assert (list(registries), len(registries), registries.snapshot) == ([], 0, {})


def test_the_lock_is_none():
    lock = NoLock()
    with lock, lock:
        assert lock.acquire() is True
