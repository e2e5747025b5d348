"""loop/aside.py: what computes for long beside the event loop, which goes on."""

import sys
import threading
import time

import gevent
import pytest

from web_longpolling.sidecar.loop.aside import Aside


@pytest.fixture
def aside():
    return Aside()


def test_it_gives_what_the_function_returns_or_raises(aside):
    assert aside.run(lambda a, b: a + b, 1, 2) == 3
    with pytest.raises(ZeroDivisionError):
        aside.run(lambda: 1 / 0)
    with pytest.raises(SystemExit):
        aside.run(sys.exit)
    assert aside.run(lambda: 4) == 4


def test_greenlets_go_on_meanwhile(aside):
    over, turns = threading.Event(), []

    def turn():
        while len(turns) < 5:
            turns.append(aside.here())
            gevent.sleep(0.01)
        over.set()

    gevent.spawn(turn)
    assert aside.run(lambda: (over.wait(30), aside.here())) == (True, True)
    assert turns == [False] * 5
    assert not aside.here()


def test_one_function_runs_at_a_time(aside):
    at_work, most = [], []

    def work():
        at_work.append(1)
        most.append(len(at_work))
        time.sleep(0.02)
        at_work.pop()

    gevent.joinall([gevent.spawn(aside.run, work) for _ in range(4)])
    assert most == [1] * 4


def test_what_nobody_waits_for_any_more_is_given_up(aside):
    seen = []

    def work():
        until = time.monotonic() + 30
        while not aside.given_up and time.monotonic() < until:
            time.sleep(0.01)
        seen.append(aside.given_up)

    waiter = gevent.spawn(aside.run, work)
    gevent.sleep(0.05)
    waiter.kill(ValueError)
    assert aside.run(lambda: aside.given_up) is False       # the next one is wanted
    assert seen == [True]
