"""A call on a stack of its own behaves as if it were called directly."""

import gevent
import pytest

from web_longpolling.sidecar.loop.fresh_stack import run_on_fresh_stack
from web_longpolling.sidecar.wire.disconnect import ClientDisconnected


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
    assert run_on_fresh_stack(function, 1, 2) == 3


def test_the_functions_own_exception_comes_back_with_its_traceback():
    def fails():
        gevent.sleep(0.001)
        raise Ended('own')
    with pytest.raises(Ended, match='own') as caught:
        run_on_fresh_stack(fails)
    assert caught.traceback[-1].name == 'fails'


def test_it_runs_in_another_greenlet_that_ends_with_it():
    callee = run_on_fresh_stack(gevent.getcurrent)
    assert callee is not gevent.getcurrent()
    assert callee.dead


def test_a_timeout_of_the_poll_ends_the_function():
    seen = []
    timeout = gevent.Timeout(0.01)
    with pytest.raises(gevent.Timeout) as caught, timeout:
        run_on_fresh_stack(waits, seen)
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
        run_on_fresh_stack(turns)


@pytest.mark.parametrize('end', [ClientDisconnected, gevent.GreenletExit])
def test_what_ends_the_greenlet_ends_the_function_too(end):
    """greenlet returns a GreenletExit in place of raising it; the poll must end all the same."""
    seen, went_on = [], []

    def poll():
        run_on_fresh_stack(waits, seen)
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
    gevent.joinall([gevent.spawn(run_on_fresh_stack, slow, name, seconds)
                    for name, seconds in (('late', 0.02), ('early', 0.01))])
    assert order == ['early', 'late']
