"""The host stopped under load: polls go on."""

import signal

import pytest

from tests.support.resource_baseline import check_quiet


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_crowd_goes_on_when_the_host_is_stopped(stack, crowd, returns, log, number):
    """The host stopped: polls go on, the process stays, memory and connections return to where they were."""
    with returns(), crowd(allowed=(200, 204)) as present:
        present.wait()
        stack.stop_host(number)
        present.wait(2)
        stack.start_host()
        present.wait()
    check_quiet(log())
