"""loop/backoff.py: pauses that double up to a bound, with jitter."""

from hypothesis import given
from hypothesis import strategies as st

from web_longpolling.sidecar.loop.backoff import Backoff

seconds = st.floats(min_value=0.01, max_value=1000)


@given(first=seconds, factor=st.floats(min_value=1, max_value=100), tries=st.integers(1, 30))
def test_a_pause_lies_between_half_and_all_of_a_ceiling_that_doubles(first, factor, tries):
    longest = first * factor
    backoff, ceiling = Backoff(first, longest), first
    for _ in range(tries):
        assert ceiling / 2 <= backoff.pause() <= ceiling <= longest
        ceiling = min(2 * ceiling, longest)


@given(first=seconds, tries=st.integers(1, 30))
def test_after_a_success_it_begins_anew(first, tries):
    backoff = Backoff(first, first * 64)
    for _ in range(tries):
        backoff.pause()
    backoff.succeeded()
    assert backoff.pause() <= first


def test_two_sidecars_do_not_come_back_in_the_same_moment():
    assert len({Backoff(1, 60).pause() for _ in range(20)}) > 1
