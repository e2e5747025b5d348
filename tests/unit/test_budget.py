"""The cursor budget is a fair queue, with gevent's own greenlets."""

import random

import gevent
import pytest

from web_longpolling.errors import BudgetExhausted
from web_longpolling.sidecar.database.budget import CursorBudget
from web_longpolling.sidecar.loop.deadline import PollTimeout


def settle():
    """Let every greenlet that can run do so."""
    for _ in range(5):
        gevent.sleep(0)


@pytest.fixture
def budget():
    """A budget of two; it must be empty again at the end."""
    budget = CursorBudget(2)
    yield budget
    settle()
    assert (budget.used, budget.waiting) == (0, 0)


def hold(budget, taken, name, seconds=0.0):
    with budget.slot():
        taken.append(name)
        gevent.sleep(seconds)


def test_no_more_slots_are_held_than_there_are(budget):
    taken = []
    polls = [gevent.spawn(hold, budget, taken, name, 10) for name in range(5)]
    settle()
    assert taken == [0, 1]
    assert (budget.used, budget.waiting) == (2, 3)
    gevent.killall(polls)


def test_slots_are_given_in_the_order_of_asking(budget):
    taken = []
    gevent.joinall([gevent.spawn(hold, budget, taken, name, random.random() / 500) for name in range(50)])
    assert taken == list(range(50))


def test_one_route_leaves_a_quarter_to_the_others():
    """A slow controller: its polls wait for each other, the others pass them."""
    budget, taken = CursorBudget(8), []

    def hold_for(route, seconds):
        with budget.slot(route):
            taken.append(route)
            gevent.sleep(seconds)

    slow = [gevent.spawn(hold_for, '/slow', 10) for _ in range(20)]
    settle()
    assert (budget.used, budget.waiting, budget.share) == (6, 14, 6)
    gevent.joinall([gevent.spawn(hold_for, route, 0) for route in ['/quick', None] * 10], raise_error=True)
    assert taken[6:] == ['/quick', None] * 10
    # A slot that a slow one gives back goes to the slow one that waits longest.
    gevent.killall(slow[:1])
    settle()
    assert (budget.used, budget.waiting) == (6, 13)
    gevent.killall(slow)
    assert (budget.used, budget.waiting) == (0, 0)


def test_a_latecomer_takes_no_slot_from_who_waits(budget):
    """Between the release and the waiter's turn somebody asks: he goes to the end of the queue."""
    taken = []
    with budget.slot(), budget.slot():
        waiter = gevent.spawn(hold, budget, taken, 'waiter')
        settle()
    # Both slots are free again and the waiter has not run yet.
    latecomers = [gevent.spawn(hold, budget, taken, 'late') for _ in range(3)]
    assert budget.used == 1 and taken == []
    gevent.joinall([waiter, *latecomers])
    assert taken[0] == 'waiter'


def test_a_timeout_in_the_queue_is_an_error_and_leaves_the_queue(budget):
    with budget.slot(), budget.slot():
        with pytest.raises(BudgetExhausted, match='All 2 cursors of this database were in use'), PollTimeout(0.01):
            with budget.slot():
                pytest.fail('there was no slot')
        assert (budget.used, budget.waiting) == (2, 0)


def test_a_timeout_in_a_slot_frees_it(budget):
    with pytest.raises(PollTimeout), PollTimeout(0.01), budget.slot():
        gevent.sleep(10)
    assert budget.used == 0


def test_a_client_that_leaves_the_queue_is_forgotten(budget):
    taken = []
    with budget.slot(), budget.slot():
        leaving, staying = (gevent.spawn(hold, budget, taken, name) for name in ('leaving', 'staying'))
        settle()
        leaving.kill()
        assert budget.waiting == 1
    staying.join()
    assert taken == ['staying']


def test_a_slot_handed_to_a_poll_that_ends_in_that_moment_is_handed_on(budget):
    taken = []
    with budget.slot():
        with budget.slot():
            ending, next_one = (gevent.spawn(hold, budget, taken, name) for name in ('ending', 'next'))
            settle()
            ending.kill(block=False)    # it will hear of it when the hub runs, after the slot was handed to it
        settle()
        assert taken == ['next']
    next_one.join()


def test_the_account_is_right_after_any_mixture(budget):
    """Polls that end, time out, fail or are left by their client, in any order."""
    generator = random.Random(1)
    most = 0

    def poll():
        nonlocal most
        with gevent.Timeout(generator.random() / 20, False), budget.slot():
            most = max(most, budget.used)
            gevent.sleep(generator.random() / 100)
            if generator.random() < 0.3:
                raise ValueError

    polls = []
    for _ in range(400):
        polls.append(gevent.Greenlet(poll))
        polls[-1].dead_quietly = True
        polls[-1].start()
        if generator.random() < 0.3:
            generator.choice(polls).kill(block=False)
        gevent.sleep(generator.random() / 1000)
        assert budget.used <= 2
    gevent.joinall(polls)
    assert most == 2
