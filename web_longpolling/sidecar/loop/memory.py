# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The memory of this process, and Python's collector of cyclic garbage, which stops everything while it looks.

A registry is some hundred thousand objects that stay. A collection looks at all objects that may be garbage, so each
registry would make all later ones longer, up to seconds. Hence no collection runs while a registry is loaded, and what
is there afterwards is left out of further ones (``gc.freeze``, Python 3.7). When registries were given up, one
collection looks at everything: 0.4 s beside five registries of 190 modules. So it waits until it is worth it.
"""
import contextlib
import gc
import logging
import resource

from . import monitor
from .clock import monotonic

_logger = logging.getLogger(__name__)

# Seconds between two collections of everything, at least.
PAUSE = 60
# Bytes that must have been given up for one; and seconds after which any are enough.
ENOUGH = 64e6
LONGEST = 3600
# Bytes of a registry, where nobody knows them.
USUAL = 5e6

_freeze = getattr(gc, 'freeze', lambda: None)           # Python 2.7 has neither
_unfreeze = getattr(gc, 'unfreeze', lambda: None)


@contextlib.contextmanager
def without_collections():
    """In the block nothing is collected; what is there when it ends is left out of ordinary collections."""
    gc.disable()
    try:
        yield
    finally:
        _freeze()
        gc.enable()


class Collector(object):
    """Frees what was given up and was left out of ordinary collections."""

    def __init__(self):
        self._given_up = 0
        self._collected_at = monotonic()

    def gave_up(self, octets=None):
        """There is a registry that nobody needs any more.

        :param octets: bytes that it takes, as far as that is known
        """
        self._given_up += octets or USUAL

    def collect(self):
        """Free what was given up, if it is enough, or has waited for long. Everything waits meanwhile."""
        began = monotonic()
        if not self._given_up or began - self._collected_at < (PAUSE if self._given_up >= ENOUGH else LONGEST):
            return
        before = resident()
        with monitor.expected():
            _unfreeze()
            gc.collect()
            _freeze()
        self._given_up, self._collected_at = 0, monotonic()
        _logger.info("Registries that were given up have left %.0f MB: collected in %.2f s",
                     max(before - resident(), 0) / 1e6, self._collected_at - began)


collector = Collector()


def resident():
    """Bytes of memory that this process occupies."""
    with open('/proc/self/statm') as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()
