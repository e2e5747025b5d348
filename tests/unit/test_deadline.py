"""loop/deadline.py: the end of a poll's time passes through a controller's own error handling."""

import time

import gevent
import pytest

from web_longpolling.sidecar.loop.deadline import PollTimeout, PollTimer, ReadTimeout


@pytest.mark.parametrize('kind', [PollTimeout, ReadTimeout])
def test_a_controller_that_catches_every_exception_is_ended_all_the_same(kind):
    survived = []

    def controller():
        try:
            gevent.sleep(5)
        except Exception:       # noqa: BLE001  as controllers do
            survived.append(True)

    with pytest.raises(kind), kind(0.01):
        controller()
    assert not survived


def test_a_poll_in_time_is_left_alone():
    with PollTimeout(0.02):
        gevent.sleep(0)
    gevent.sleep(0.04)


def test_a_poll_that_could_find_out_has_no_cause():
    assert PollTimeout(1).cause is None


def test_a_read_that_took_too_long_gives_the_seconds():
    assert str(ReadTimeout(3)) == 'no answer within 3 seconds'


def test_a_timer_leaves_time_to_hand_out_an_answer_and_no_more():
    begun = time.monotonic()
    with pytest.raises(PollTimeout), PollTimer(0.05) as timer:
        while True:
            timer.leave(0.1)
            gevent.sleep(0.01)
    assert 0.1 < time.monotonic() - begun < 1


def test_a_timer_that_leaves_less_than_there_is_changes_nothing():
    with PollTimer(10) as timer:
        deadline = timer.deadline
        timer.leave(5)
        assert timer.deadline == deadline
    with PollTimer(0.02):
        pass
    gevent.sleep(0.04)      # it was closed
