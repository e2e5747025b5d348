# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Names a controller that blocks all polls: one that computes for long, or waits past gevent.

gevent's monitoring thread sees when greenlets stop taking turns. Its own report lists every greenlet of
the process, thousands of lines here; this one logs the stack that matters.
"""
import contextlib
import logging
import sys
import time
import traceback

import gevent
from gevent.hub import get_hub

from .gevent_internals import PeriodicMonitoringThread

_logger = logging.getLogger(__name__)

# Seconds between two looks. A block of twice that is always seen: it spans two looks.
STEP = 0.5
# Seconds after which the console is written to at once; the log waits for the loop, as a lock may be held there.
HOPELESS = 10


# Greenlets that may compute for long: no controllers, and whoever runs them logs it.
_expected = set()


class Monitor(PeriodicMonitoringThread):
    """The monitoring thread of gevent's hub."""

    _blocked = None     # (greenlet, since when, its stack) while it blocks
    _printed = False

    def monitor_blocking(self, hub):
        blocks = self._greenlet_tracer.did_block_hub(hub)
        if not blocks or blocks[1] in _expected:
            self._blocked = None
            return
        greenlet = blocks[1]
        now = time.time()
        if self._blocked is None or self._blocked[0] is not greenlet:
            stack = ''.join(traceback.format_stack(sys._current_frames()[hub.thread_ident]))
            self._blocked, self._printed = (greenlet, now - STEP, stack), False
            hub.loop.run_callback_threadsafe(_log, now - STEP, stack)
        elif not self._printed and now - self._blocked[1] > HOPELESS:
            self._printed = True
            sys.stderr.write(_message(now - self._blocked[1], self._blocked[2]))


def _log(since, stack):
    """Called by the event loop, which goes round again by now."""
    _logger.warning("%s", _message(time.time() - since, stack))


def _message(seconds, stack):
    return ("One poll blocked all others for %.1f seconds. A controller must wait with request.wait() or "
            "gevent.sleep(), and leave long computations to the server. It was here:\n%s" % (seconds, stack))


@contextlib.contextmanager
def expected():
    """In the block, the current greenlet may block all others and is not taken for a controller."""
    greenlet = gevent.getcurrent()
    _expected.add(greenlet)
    try:
        yield
    finally:
        _expected.discard(greenlet)


def start():
    """Watch the event loop of this thread."""
    gevent.config.max_blocking_time = STEP
    hub = get_hub()
    hub.periodic_monitoring_thread = Monitor(hub)
