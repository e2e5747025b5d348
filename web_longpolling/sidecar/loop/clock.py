# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""A clock that nobody sets."""
try:
    from time import monotonic
except ImportError:         # Python 2.7
    import ctypes

    class _Timespec(ctypes.Structure):
        _fields_ = [('seconds', ctypes.c_long), ('nanoseconds', ctypes.c_long)]

    _clock_gettime = ctypes.CDLL(None).clock_gettime
    _CLOCK_MONOTONIC = 1    # linux/time.h

    def monotonic():
        """Seconds since some moment, a float: clock_gettime(2)."""
        now = _Timespec()
        _clock_gettime(_CLOCK_MONOTONIC, ctypes.byref(now))
        return now.seconds + now.nanoseconds * 1e-9
