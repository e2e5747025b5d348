"""loop/supervisor.py: what the process needs is begun again, whatever ends it, and the log says so once."""

import gevent
import pytest
from gevent.event import Event

from web_longpolling.sidecar.loop import supervisor
from web_longpolling.sidecar.loop.deadline import PollTimeout
from web_longpolling.sidecar.loop.supervisor import Supervised


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(supervisor, 'FIRST_PAUSE', 0.01)
    monkeypatch.setattr(supervisor, 'LONGEST_PAUSE', 0.02)


def recursive():
    recursive()


def fail_with(error):
    raise error


@pytest.mark.parametrize('failure', [
    lambda: fail_with(TypeError('no list')), recursive, lambda: fail_with(gevent.GreenletExit()),
    lambda: fail_with(PollTimeout()), lambda: fail_with(SystemExit(3))],
    ids=['TypeError', 'RecursionError', 'GreenletExit', 'PollTimeout', 'SystemExit'])
def test_whatever_ends_the_work_it_is_begun_again_and_logged_once(failure, caplog):
    """No greenlet that the process needs can end unnoticed."""
    begun, well = [], Event()

    def work():
        begun.append(1)
        if len(begun) < 4:
            failure()
        well.set()
        gevent.sleep(600)

    supervised = Supervised('The test', work)
    supervised.start()
    assert well.wait(10)
    assert supervised.running
    assert supervised.failures == 3
    line, = caplog.records
    assert line.getMessage() == 'The test failed, and is started again'
    assert line.exc_info


def test_a_failure_after_it_was_well_is_logged_again(monkeypatch, caplog):
    monkeypatch.setattr(supervisor, 'WELL', 0.05)
    begun, well = [], Event()

    def work():
        begun.append(1)
        if len(begun) == 3:
            well.set()
            gevent.sleep(600)
        gevent.sleep(0.1)
        fail_with(ValueError())

    Supervised('The test', work).start()
    assert well.wait(10)
    assert len(caplog.records) == 2


def test_work_that_is_done_can_be_started_again_and_is_not_begun_twice_meanwhile():
    begun, go = [], Event()

    def work():
        begun.append(1)
        go.wait()

    supervised = Supervised('The test', work)
    supervised.start()
    supervised.start()
    gevent.sleep(0)
    supervised.start()
    gevent.sleep(0)
    assert len(begun) == 1
    go.set()
    gevent.sleep(0.01)
    assert not supervised.running
    supervised.start()
    gevent.sleep(0.01)
    assert len(begun) == 2
