# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Files of a host's session store, read again only if they have changed."""
import errno
import os
import time

from ..errors import Unavailable
from .recent import Recent

# Files that are remembered at least; twice as many at most, of about a kilobyte each.
REMEMBERED = 20000

# Seconds after its last change from which on a file is remembered: the clock of a file system ticks some hundred times
# a second, and what changes twice within one tick looks unchanged.
SETTLED = 0.1


class SessionFiles(object):
    """Session files as they were parsed."""

    def __init__(self, locate, parse):
        """
        :param locate: function of a session's name, which gives the path of its file; None if there can be no such name
        :param parse: function of a session's name and its file's bytes, which gives what the file says; None if that
            is nothing
        """
        self._locate = locate
        self._parse = parse
        self._recent = Recent(REMEMBERED)       # by name: (path, state, what was parsed)

    def read(self, name):
        """What the file of a session says just now, as `parse` gives it; None if there is none.

        :raises Unavailable: if it can't be read just now: a shortage must not look like a logout
        """
        remembered = self._recent.get(name)
        path = remembered[0] if remembered is not None else self._locate(name)
        if path is None:
            return None
        try:
            if remembered is not None and remembered[1] == _state(os.stat(path)):
                return remembered[2]
            with open(path, 'rb') as session_file:
                status = os.fstat(session_file.fileno())
                content = session_file.read()
        except EnvironmentError as error:
            self._recent.pop(name)
            if error.errno == errno.ENOENT:
                return None
            raise Unavailable("The session can't be read just now; try again.")
        parsed = self._parse(name, content)
        if time.time() - max(status.st_mtime, status.st_ctime) > SETTLED:
            self._recent[name] = path, _state(status), parsed
        return parsed


def _state(status):
    """What differs between two states of a file."""
    return (getattr(status, 'st_mtime_ns', status.st_mtime), getattr(status, 'st_ctime_ns', status.st_ctime),
            status.st_size, status.st_ino)


def newest(paths, most):
    """Those of the files that were changed last, at most `most` of them."""
    changed = []
    for path in paths:
        try:
            changed.append((os.stat(path).st_mtime, path))
        except EnvironmentError:
            pass        # it is gone by now, or somebody else's
    return [path for _, path in sorted(changed, reverse=True)[:most]]
