"""Several sidecars share nothing."""

import os
import signal

import pytest

from tests.support.resource_baseline import check_quiet


@pytest.fixture
def another(stack):
    """A second sidecar, to which nginx dispatches as well; stopped after the test."""
    sidecar = stack.another_sidecar()
    stack.dispatch_to(*stack.sidecars)
    yield sidecar
    stack.dispatch_to(stack.sidecars[0])
    sidecar.stop()
    stack.sidecars.remove(sidecar)


def test_one_of_two_sidecars_is_killed_under_load(stack, another, crowd, returns, log):
    """Several sidecars share nothing: one is killed under load, the other goes on, and no event is lost."""
    urls = [('nginx', stack.url), ('direct', stack.sidecar_url)]
    with returns(), crowd(urls=urls, nginx=(502, 'broken')) as present:
        present.wait()
        another.stop(signal.SIGKILL)
        present.wait(2)
        another.start()
        present.wait(2)
        assert os.path.exists(f'/proc/{another.pid}')
    assert present.answers['broken', 'direct'] == 0
    check_quiet(log())      # the one that goes on has not even noticed


def test_what_one_user_may_hold_counts_for_each_sidecar(stack, another, people):
    """Several sidecars share nothing: each answers for itself, with the same sessions and the same database."""
    for person in people:
        for url in (stack.sidecar_url, another.url):
            assert person.clone().poll('/who', url=url).json()['uid'] == person.uid
