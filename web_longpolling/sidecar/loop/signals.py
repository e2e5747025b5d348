# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What signals do to the sidecar, beside those that stop it. Without a handler each of them would end it at once.

SIGHUP opens the log files again, for logrotate; SIGQUIT writes all stacks to the log, as on the host; SIGUSR1 and
SIGUSR2 mean nothing.
"""
import collections
import gc
import logging
import signal
import sys
import traceback

import gevent
from greenlet import greenlet

_logger = logging.getLogger(__name__)

# How many different stacks are written; thousands of polls wait in the same few places.
MOST_STACKS = 50


def install():
    """Take care of the signals from now on."""
    gevent.signal_handler(signal.SIGHUP, reopen_logs)
    gevent.signal_handler(signal.SIGQUIT, log_stacks)
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)


def reopen_logs():
    """Open each log file anew: the one that was there may have another name by now."""
    loggers = [logging.getLogger()] + [each for each in logging.Logger.manager.loggerDict.values()
                                       if isinstance(each, logging.Logger)]
    for handler in set(handler for each in loggers for handler in each.handlers):
        if isinstance(handler, logging.FileHandler):
            _reopen(handler)
    _logger.info("SIGHUP: the log files were opened again")


def _reopen(handler):
    handler.acquire()
    try:
        try:
            stream = handler._open()
        except EnvironmentError as error:
            sys.stderr.write("The log file %s can't be opened again: %s\n" % (handler.baseFilename, error.strerror))
            return
        old, handler.stream = handler.stream, stream
        if old is not None:
            old.close()
        if hasattr(handler, '_statstream'):     # a WatchedFileHandler remembers which file it is
            handler._statstream()
    finally:
        handler.release()


def log_stacks():
    """Write where all greenlets and threads are, each place once with the number of those that are there."""
    places = collections.Counter()
    for each in gc.get_objects():
        if isinstance(each, greenlet) and each.gr_frame is not None:
            places[''.join(traceback.format_stack(each.gr_frame))] += 1
    for frame in sys._current_frames().values():
        places[''.join(traceback.format_stack(frame))] += 1
    lines = ["%d here:\n%s" % (number, stack) for stack, number in places.most_common(MOST_STACKS)]
    _logger.info("SIGQUIT: %d stacks, at %d places\n%s", sum(places.values()), len(places), '\n'.join(lines))
