"""The cursor budget: whose turn it is, and who had better not begin; with gevent's own greenlets."""

import random
import time

import gevent
import pytest

from web_longpolling.errors import BudgetExhausted
from web_longpolling.sidecar.database import budget as module
from web_longpolling.sidecar.database.budget import WHOLE, CursorBudget, Reader
from web_longpolling.sidecar.loop.deadline import PollTimeout

LATER = 1000.0


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


def reader(route='/route', user=1, seconds=LATER) -> Reader:
    """Somebody who reads, and whose poll lasts so many seconds more."""
    return Reader(route, user, time.monotonic() + seconds)


def hold(budget, taken, name, seconds=0.0, by=None):
    with budget.slot(by):
        taken.append(name)
        gevent.sleep(seconds)


def start(budget, taken, name, by, seconds=10.0):
    return gevent.spawn(hold, budget, taken, name, seconds, by)


def test_no_more_slots_are_held_than_there_are(budget):
    taken = []
    polls = [gevent.spawn(hold, budget, taken, name, 10) for name in range(5)]
    settle()
    assert taken == [0, 1]
    assert (budget.used, budget.waiting) == (2, 3)
    gevent.killall(polls)


@pytest.mark.parametrize('by', [None, reader()], ids=['the sidecar', 'a poll'])
def test_slots_are_given_in_the_order_of_asking(budget, by):
    taken = []
    gevent.joinall([gevent.spawn(hold, budget, taken, name, random.random() / 500, by) for name in range(50)])
    assert taken == list(range(50))


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


# Who is next


def test_the_sidecar_itself_goes_first(budget):
    """A session is verified before the next one reads, however many wait."""
    taken = []
    with budget.slot(), budget.slot():
        polls = [start(budget, taken, number, reader(user=number), 0) for number in range(5)]
        settle()
        polls.append(start(budget, taken, 'verifies', None, 0))
        settle()
    gevent.joinall(polls)
    assert taken[0] == 'verifies'


def test_the_poll_that_ends_first_goes_first(budget):
    """Polls last equally long: who has begun goes on before those who came later."""
    taken = []
    with budget.slot(), budget.slot():
        polls = [start(budget, taken, left, reader(user=left, seconds=left), 0) for left in (30, 10, 20)]
        settle()
    gevent.joinall(polls)
    assert taken == [10, 20, 30]


@pytest.mark.parametrize('size', [1, 2, 3, 8])
@pytest.mark.parametrize('same', ['route', 'user'])
def test_one_route_or_user_leaves_the_next_turn_to_the_others(size, same):
    """Fifty of one route, or of one user, wait; somebody else comes later and has the very next slot."""
    budget, taken = CursorBudget(size), []
    many = [start(budget, taken, 'many', reader('/many' if same == 'route' else f'/{number}',
                                                1 if same == 'user' else number)) for number in range(50)]
    settle()
    left = 1 if same == 'route' and size >= WHOLE else 0      # which nobody of that route may have
    assert budget.used == size - left
    other = start(budget, taken, 'other', reader('/other', 'other'))
    gevent.sleep(0.01)      # for which the many have had the slots
    gevent.killall(many[:1 - left])
    settle()
    assert taken[size - left:] == ['other']
    gevent.killall([*many, other])
    settle()
    assert (budget.used, budget.waiting) == (0, 0)


def test_who_has_begun_goes_on_before_those_who_have_not():
    """Each poll reads twice, and there is not the time for all of them: half of them end, instead of none."""
    budget, done = CursorBudget(1), []

    def poll(user):
        by = reader(user=user, seconds=10 + user / 1000)
        for _ in range(2):
            with budget.slot(by):
                gevent.sleep(0.01)
        done.append(user)

    polls = [gevent.spawn(poll, user) for user in range(40)]
    gevent.sleep(0.4)
    gevent.killall(polls)
    assert len(done) > 10


@pytest.mark.parametrize('size, used', [(1, 1), (2, 2), (5, 5), (6, 5), (8, 7)])
def test_one_route_has_all_slots_but_one_when_there_are_many(size, used):
    """Another route need not wait until it is known that the first one is slow; of few slots none is left idle."""
    budget, taken = CursorBudget(size), []
    polls = [start(budget, taken, number, reader()) for number in range(20)]
    settle()
    assert (budget.used, budget.waiting) == (used, 20 - used)
    other = start(budget, taken, 'other', reader('/other'))
    settle()
    assert ('other' in taken) == (used < size)
    gevent.killall([*polls, other])


def test_each_hand_over_looks_at_few_of_those_who_wait(budget, monkeypatch):
    """A thousand wait on seven routes; what is looked at to find who is next does not grow with them."""
    taken, looked = [], []
    is_out = budget._is_out
    monkeypatch.setattr(budget, '_is_out', lambda waiter, now: looked.append(1) or is_out(waiter, now))
    with budget.slot(), budget.slot():
        polls = [start(budget, taken, number, reader(f'/{number % 7}', number % 200), 0) for number in range(1000)]
        settle()
    gevent.joinall(polls)
    assert len(taken) == 1000
    assert len(looked) < 1000 * 100


# What can't be finished is not begun


def test_what_can_not_be_finished_is_not_begun(budget):
    """Reads of this route last 50 ms, as the last ones tell: who has 20 ms left is told to come again."""
    taken = []
    gevent.joinall([start(budget, taken, 'measured', reader(), 0.05) for _ in range(2)])
    with pytest.raises(BudgetExhausted), budget.slot(reader(seconds=0.02)):
        pytest.fail('it was begun')
    with budget.slot(reader(seconds=0.2)), budget.slot(reader('/unknown', seconds=0.02)):
        pass
    # In the queue too, when its turn comes.
    with budget.slot(), budget.slot():
        late = gevent.spawn(hold, budget, taken, 'late', 0, reader(seconds=0.07))
        settle()
        gevent.sleep(0.04)
    with pytest.raises(BudgetExhausted):
        late.get()
    assert taken == ['measured'] * 2


def test_reads_that_were_all_cut_off_do_not_shut_their_route():
    """A locked table: they lasted as long as their polls. The next poll that comes may try."""
    budget = CursorBudget(1, longest=0.05)
    for _ in range(3):
        with pytest.raises(PollTimeout), PollTimeout(0.06), budget.slot(reader(seconds=0.06)):
            gevent.sleep(1)
    with budget.slot(reader(seconds=0.06)):
        pass


# Slow reads


@pytest.fixture
def slow(monkeypatch):
    """Slow is what lasts 50 ms; patience lasts 100 ms."""
    monkeypatch.setattr(module, 'SLOW', 0.05)
    monkeypatch.setattr(module, 'PATIENCE', 0.1)


@pytest.mark.parametrize('size', [2, 3, 8])
def test_several_slow_routes_together_leave_one_cursor_to_the_others(slow, size):
    """Once one of the others had to wait for them: a read of theirs is called back, and from then on there is room."""
    budget, taken = CursorBudget(size), []
    polls = [start(budget, taken, 'slow', reader(f'/slow/{number % size}', number)) for number in range(20)]
    settle()
    assert budget.used == size
    gevent.sleep(0.06)
    first = start(budget, taken, 'quick', reader('/quick', 'other'), 0)
    first.join(1)
    assert taken == ['slow'] * size + ['quick']
    [called_back] = [poll for poll in polls if poll.dead]
    assert isinstance(called_back.exception.cause, BudgetExhausted)
    settle()
    # The slow ones do not come back to it, since all of their routes are known by now.
    for by in (reader('/quick', 'other'), reader('/another', 'other'), None):
        began = time.monotonic()
        with budget.slot(by):
            assert time.monotonic() - began < 0.05
    gevent.killall(polls)
    settle()
    assert (budget.used, budget.waiting) == (0, 0)


def test_slow_reads_are_not_called_back_for_one_another(slow, budget):
    taken = []
    polls = [start(budget, taken, 'slow', reader(user=number), 0.3) for number in range(4)]
    gevent.joinall(polls)
    assert [poll.exception for poll in polls] == [None] * 4


# Ends


def test_a_timeout_in_the_queue_is_told_and_leaves_the_queue(budget):
    with budget.slot(), budget.slot():
        with pytest.raises(PollTimeout) as end, PollTimeout(0.01):
            with budget.slot():
                pytest.fail('there was no slot')
        assert isinstance(end.value.cause, BudgetExhausted)
        assert str(end.value.cause).startswith('All 2 cursors of this database were in use')
        assert (budget.used, budget.waiting) == (2, 0)


def test_a_timeout_in_a_slot_frees_it(budget):
    with pytest.raises(PollTimeout), PollTimeout(0.01), budget.slot():
        gevent.sleep(10)
    assert budget.used == 0


@pytest.mark.parametrize('by', [None, reader()], ids=['the sidecar', 'a poll'])
def test_a_client_that_leaves_the_queue_is_forgotten(budget, by):
    taken = []
    with budget.slot(), budget.slot():
        leaving, staying = (gevent.spawn(hold, budget, taken, name, 0, by) for name in ('leaving', 'staying'))
        settle()
        leaving.kill()
        assert budget.waiting == 1
    staying.join()
    assert taken == ['staying']


@pytest.mark.parametrize('by', [None, reader()], ids=['the sidecar', 'a poll'])
def test_a_slot_handed_to_a_poll_that_ends_in_that_moment_is_handed_on(budget, by):
    taken = []
    with budget.slot():
        with budget.slot():
            ending, next_one = (gevent.spawn(hold, budget, taken, name, 0, by) for name in ('ending', 'next'))
            settle()
            ending.kill(block=False)    # it will hear of it when the hub runs, after the slot was handed to it
        settle()
        assert taken == ['next']
    next_one.join()


def test_the_account_is_right_after_any_mixture(budget, monkeypatch):
    """Polls that end, time out, fail, are called back or left by their client, in any order."""
    monkeypatch.setattr(module, 'SLOW', 0.005)
    monkeypatch.setattr(module, 'PATIENCE', 0.005)
    generator = random.Random(1)
    most = 0

    def poll():
        nonlocal most
        by = generator.choice([None, reader(f'/{generator.randrange(3)}', generator.randrange(3), 0.05)])
        with gevent.Timeout(generator.random() / 20, False), budget.slot(by):
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
