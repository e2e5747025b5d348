"""A call on a stack of its own behaves as if it were called directly."""

import gevent
import pytest

from web_longpolling.sidecar.apart import apart
from web_longpolling.sidecar.hangup import ClientGone


class Ended(Exception):
    pass


def waits(seen):
    """Waits until something ends it, and writes down what that was."""
    try:
        gevent.sleep(5)
    except BaseException as end:
        seen.append(end)
        raise


def test_it_returns_what_the_function_returns_after_waiting():
    def function(a, b):
        gevent.sleep(0.001)
        return a + b
    assert apart(function, 1, 2) == 3


def test_the_functions_own_exception_comes_back_with_its_traceback():
    def fails():
        gevent.sleep(0.001)
        raise Ended('own')
    with pytest.raises(Ended, match='own') as caught:
        apart(fails)
    assert caught.traceback[-1].name == 'fails'


def test_it_runs_in_another_greenlet_that_ends_with_it():
    callee = apart(gevent.getcurrent)
    assert callee is not gevent.getcurrent()
    assert callee.dead


def test_a_timeout_of_the_poll_ends_the_function():
    seen = []
    timeout = gevent.Timeout(0.01)
    with pytest.raises(gevent.Timeout) as caught, timeout:
        apart(waits, seen)
    assert caught.value is timeout
    assert seen == [timeout]


def test_a_function_may_turn_what_ends_it_into_something_else():
    def turns():
        try:
            gevent.sleep(5)
        except gevent.Timeout:
            gevent.sleep(0.001)         # as a rollback would
            raise Ended('turned') from None
    with pytest.raises(Ended, match='turned'), gevent.Timeout(0.01):
        apart(turns)


@pytest.mark.parametrize('end', [ClientGone, gevent.GreenletExit])
def test_what_ends_the_greenlet_ends_the_function_too(end):
    """greenlet returns a GreenletExit in place of raising it; the poll must end all the same."""
    seen, went_on = [], []

    def poll():
        apart(waits, seen)
        went_on.append(True)
    greenlet = gevent.spawn(poll)
    gevent.sleep(0.01)
    greenlet.kill(end)
    assert [type(one) for one in seen] == [end]
    assert not went_on


def test_others_go_on_meanwhile():
    order = []

    def slow(name, seconds):
        gevent.sleep(seconds)
        order.append(name)
    gevent.joinall([gevent.spawn(apart, slow, 'late', 0.02), gevent.spawn(apart, slow, 'early', 0.01)])
    assert order == ['early', 'late']
