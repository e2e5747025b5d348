"""loop/deadline.py: the end of a poll's time passes through a controller's own error handling."""

import gevent
import pytest

from web_longpolling.sidecar.loop.deadline import PollTimeout, ReadTimeout


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
