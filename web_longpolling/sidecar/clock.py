# -*- coding: utf-8 -*-
"""A clock that nobody sets."""
import os

try:
    from time import monotonic
except ImportError:
    def monotonic():
        """Seconds since some moment, in steps of 10 ms: times(2) counts ticks since the machine's start."""
        return os.times()[4]
