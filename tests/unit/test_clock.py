"""loop/clock.py: a clock that nobody sets."""

import time

from web_longpolling.sidecar.loop.clock import monotonic


def test_it_counts_seconds():
    begun = monotonic()
    time.sleep(0.02)
    assert 0.02 <= monotonic() - begun < 10


def test_it_never_goes_back():
    looks = [monotonic() for _ in range(1000)]
    assert looks == sorted(looks)


def test_it_is_the_systems_monotonic_clock():
    """As on Python 2.7, where it asks the C library: both hosts' times can be compared."""
    assert abs(monotonic() - time.clock_gettime(time.CLOCK_MONOTONIC)) < 10
