"""sidecar/database/turn.py: one at a time, and who is urgent goes first."""

import gevent
import pytest

from web_longpolling.sidecar.database.turn import Turn


@pytest.fixture
def turn():
    return Turn()


def entering(turn, order, name, urgent, seconds=0.0):
    def enter():
        with turn(lambda: urgent[name]):
            order.append(name)
            gevent.sleep(seconds)
            order.append(name)
    greenlet = gevent.spawn(enter)
    gevent.sleep(0)
    return greenlet


def test_one_is_there_at_a_time_and_the_urgent_ones_go_first(turn):
    order, urgent = [], {'a': False, 'b': False, 'c': True, 'd': False, 'e': False}
    greenlets = [entering(turn, order, name, urgent, 0.01) for name in urgent]
    urgent['e'] = True          # it has become so while it waits
    gevent.joinall(greenlets)
    assert order == list('aacceebbdd')


def test_who_gives_up_leaves_the_turn_to_the_others(turn):
    order, urgent = [], dict.fromkeys('abcd', False)
    first, second, third = (entering(turn, order, name, urgent, 0.01) for name in 'abc')
    second.kill()
    first.kill(block=False)
    gevent.sleep(0)
    third.join()
    entering(turn, order, 'd', urgent).join()
    assert order == ['a', 'c', 'c', 'd', 'd']


def test_who_is_ended_just_as_it_is_called_passes_the_turn_on(turn):
    order, urgent = [], dict.fromkeys('abc', False)
    first, second, third = (entering(turn, order, name, urgent) for name in 'abc')
    while order.count('a') < 2:
        gevent.sleep(0)
    second.kill()
    gevent.joinall([first, third])
    assert order[-2:] == ['c', 'c']


def test_a_failure_ends_the_turn(turn):
    with pytest.raises(ValueError), turn(lambda: True):
        raise ValueError
    with turn(lambda: True):
        pass
