# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The memory of this process, and Python's collector of cyclic garbage, which stops everything while it looks.

A registry is some fifty thousand objects that stay. A collection looks at all objects that may be garbage, so each
registry would make all later ones longer, up to seconds. Hence no collection runs while a registry is loaded, and what
is there afterwards is left out of further ones (``gc.freeze``, Python 3.7).

A registry that was given up is garbage in cycles. To look at everything for it stopped the loop for 0.4 s beside five
registries of 190 modules. So the collector is given the objects of that registry alone: see garbage.py. What somebody
still refers to is tried again, and in the end is left to a collection of everything, when that is worth it.
"""
import contextlib
import gc
import logging
import resource
import weakref

import gevent

from . import garbage, monitor
from .clock import monotonic

_logger = logging.getLogger(__name__)

# Seconds after which a registry that is still in use is tried again; each time twice as long.
AGAIN = 5
# How often it is tried.
TRIES = 6
# Seconds between two collections of everything, at least.
PAUSE = 60
# Bytes that the tries must have left for one; and seconds after which any are enough.
ENOUGH = 64e6
LONGEST = 3600
# Bytes of a registry, where nobody knows them.
USUAL = 5e6

# New objects of a load, beside other databases, up to which they are looked at: 0.1 s. Modules that no database had
# before may make three times as many.
MANY = 120000

_freeze = getattr(gc, 'freeze', lambda: None)           # Python 2.7 has neither
_unfreeze = getattr(gc, 'unfreeze', lambda: None)


@contextlib.contextmanager
def without_collections(beside_others=False):
    """In the block nothing is collected; what is there when it ends is left out of ordinary collections.

    :param beside_others: whether there is somebody whom a collection would hold up
    """
    gc.disable()
    try:
        yield
    finally:
        # What is garbage by now and frozen would keep all that it refers to: the registry, by the host's cursors. That
        # is better than to stop the polls of others.
        if not beside_others or gc.get_count()[0] < MANY:
            garbage.collect_young()
        _freeze()
        gc.enable()


class _GivenUp(object):
    """A registry that nobody needs any more."""

    def __init__(self, registry, octets):
        self.get = weakref.ref(registry)
        self.octets = octets
        self.tries = 0
        self.due = monotonic()


class Collector(object):
    """Frees registries that were given up."""

    def __init__(self):
        self._given_up = []
        self._left = 0      # bytes of those that could not be freed
        self._collected_at = monotonic()

    def gave_up(self, registry, octets=None):
        """There is a registry that nobody needs any more.

        :param registry: it; None: there is none
        :param octets: bytes that it takes, as far as that is known
        """
        if registry is not None:
            self._given_up.append(_GivenUp(registry, octets or USUAL))

    @property
    def due(self):
        """Whether :meth:`collect` has something to do."""
        now = monotonic()
        return any(each.due <= now for each in self._given_up) or self._is_enough(now)

    def collect(self):
        """Free what was given up; others have their turns meanwhile. No registry may be loaded in this time."""
        now = monotonic()
        for each in [each for each in self._given_up if each.due <= now]:
            self._free(each)
        if self._is_enough(now):
            self._collect_all()

    def _free(self, each):
        each.tries += 1
        began, registry = monotonic(), each.get()
        gc.disable()
        try:
            possible = registry is None or garbage.make_young(registry, _pause)
            del registry
            with monitor.expected():
                number = garbage.collect_young()
                _freeze()
        finally:
            gc.enable()
        each.due = monotonic() + AGAIN * 2 ** each.tries
        if each.get() is None:
            _logger.info("A registry that was given up is freed: %d objects in %.2f s, in which polls went on",
                         number, monotonic() - began)
        elif possible and each.tries < TRIES:
            return
        else:
            self._left += each.octets
        self._given_up.remove(each)

    def _is_enough(self, now):
        return self._left and now - self._collected_at >= (PAUSE if self._left >= ENOUGH else LONGEST)

    def _collect_all(self):
        """Everything waits meanwhile."""
        began, before = monotonic(), resident()
        with monitor.expected():
            _unfreeze()
            gc.collect()
            _freeze()
        self._left, self._collected_at = 0, monotonic()
        _logger.info("Registries that were given up have left %.0f MB: collected in %.2f s",
                     max(before - resident(), 0) / 1e6, self._collected_at - began)


def _pause():
    gevent.sleep(0)


collector = Collector()


def resident():
    """Bytes of memory that this process occupies."""
    with open('/proc/self/statm') as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()
