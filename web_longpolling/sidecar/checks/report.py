# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What a check prints: a line for each finding, and on standard error what takes longer."""
import collections
import contextlib
import sys

import gevent

# Seconds after which it is said what is being done, and seconds between two such lines.
QUIET = 2
STEP = 10


class Finding(collections.namedtuple('Finding', 'about well text')):
    """One thing that was looked at.

    about: what it is, a few words
    well: whether it is as it must be
    text: how it is, if it is well; otherwise a sentence with what to do
    """

    __slots__ = ()


class Report(object):
    """Prints findings as they come.

    wrong: how many of them were not well
    """

    def __init__(self, write):
        """
        :param write: function that prints a line
        """
        self.wrong = 0
        self._write = write

    def take(self, findings):
        """Print each of the Findings of an iterable."""
        for finding in findings:
            self.wrong += not finding.well
            self._write('%-6s %s: %s' % ('ok' if finding.well else 'to do', finding.about, finding.text))


@contextlib.contextmanager
def patience(what):
    """In the block: say after some seconds, and again, what is being done and for how long.

    :param what: the words, such as 'holding a poll for 61 s'
    """
    telling = gevent.spawn(_tell, what)
    try:
        yield
    finally:
        telling.kill()


def _tell(what):
    seconds = QUIET
    gevent.sleep(QUIET)
    while True:
        sys.stderr.write('... %s (%d s)\n' % (what, seconds))
        sys.stderr.flush()
        gevent.sleep(STEP)
        seconds += STEP
