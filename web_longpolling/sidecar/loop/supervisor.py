# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Greenlets that the process needs for as long as it lives: none of them ends unnoticed."""
import logging

import gevent

from .backoff import Backoff
from .clock import monotonic

_logger = logging.getLogger(__name__)

# Seconds until what has failed is started again: the first and the longest.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0

# Seconds. What has run for so long is healthy again: a failure after that is a new one, and is logged.
WELL = 60.0


class Supervised(object):
    """Work that one greenlet does, and that is begun again whenever it fails.

    It ends when the work returns, and only then: not even a timeout or an exit that was meant for somebody else ends
    it. The first failure is logged with its traceback; those that follow are not, until it was well for WELL seconds.

    failures: how many times it has failed
    """

    def __init__(self, name, work):
        """
        :param name: what the log calls it, the beginning of a sentence
        :param work: function without arguments; called again from its beginning after each failure
        """
        self.failures = 0
        self._name = name
        self._work = work
        self._greenlet = None

    def start(self):
        """Begin the work, if it is not under way."""
        if not self.running:
            self._greenlet = gevent.spawn(self._run)

    @property
    def running(self):
        """Whether the work is under way, or waits to be begun again."""
        return self._greenlet is not None and not self._greenlet.dead

    def _run(self):
        backoff, logged, pause = Backoff(FIRST_PAUSE, LONGEST_PAUSE), False, 0
        while True:
            began = monotonic()
            try:
                if pause:
                    gevent.sleep(pause)
                self._work()
                # At once, and not when the greenlet has ended: who starts it in this moment wants it done again.
                self._greenlet = None
                return
            except KeyboardInterrupt:
                raise
            except BaseException:       # SystemExit too: an addon that is loaded does not end the process
                self.failures += 1
                if monotonic() - began > WELL:
                    backoff.succeeded()
                    logged = False
                if not logged:
                    _logger.exception("%s failed, and is started again", self._name)
                    logged = True
            pause = backoff.pause()
