# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Starting anew when the code of an addon changes: ``server.py --reload``, for development alone.

The event loop's stat watchers see it (libev's, which have inotify on Linux): a file that is written, and a folder in
which one comes or goes. Held polls are sent elsewhere as at any stop; then the process becomes a new one with the same
arguments and the same number. Code that can't be imported is logged, and read again when it changes again.
"""
import logging
import os
import sys

import gevent
from gevent.hub import get_hub

from .. import host

_logger = logging.getLogger(__name__)

# Seconds between two looks where the kernel reports no change, as in a folder of another machine.
INTERVAL = 1.0
# Seconds that nothing more must change: an editor writes several files.
CALM = 0.3

# The module by which the host's own folders are known.
_WEB_CLIENT = 'web'

_MANIFESTS = ('__manifest__.py', '__openerp__.py')


class Reload(object):
    """Watches the addons of the configuration's ``addons_path``, but not those of the host.

    changed: whether one of their files has changed
    """

    def __init__(self, stop):
        """
        :param stop: function that makes the process stop
        """
        self.changed = False
        self._stop = stop
        self._stopping = None
        loop = get_hub().loop
        self._watchers = [loop.stat(path, INTERVAL) for path in _watched()]
        for watcher in self._watchers:
            watcher.start(self._see, watcher)
        _logger.warning("Started with --reload, which is for development alone: %d files and folders are watched",
                        len(self._watchers))

    def _see(self, watcher):
        # libev also calls for what is read, or looked at first.
        before, now = watcher.prev, watcher.attr
        if before is not None and now is not None and before.st_mtime == now.st_mtime and before.st_size == now.st_size:
            return
        if self._stopping is not None:
            self._stopping.kill()
        else:
            _logger.info("%s has changed: the sidecar starts anew", os.fsdecode(watcher.path)
                         if hasattr(os, 'fsdecode') else watcher.path)
        self._stopping = gevent.spawn_later(CALM, self._change)

    def _change(self):
        self.changed = True
        self._stop()

    @staticmethod
    def restart():
        """Become a new process. Does not return."""
        logging.shutdown()
        os.closerange(3, 4096)
        os.execv(sys.executable, [sys.executable] + sys.argv)


def _watched():
    """The folders and Python files of the addons, but not of the host's own."""
    folders = host.adapter().option('addons_path') or []
    if not isinstance(folders, (list, tuple)):
        folders = folders.split(',')
    for folder in folders:
        folder = os.path.expanduser(folder.strip())
        if os.path.isdir(folder) and not os.path.isdir(os.path.join(folder, _WEB_CLIENT)):
            for addon in sorted(os.listdir(folder)):
                place = os.path.join(folder, addon)
                if any(os.path.exists(os.path.join(place, name)) for name in _MANIFESTS):
                    for path, _, names in os.walk(place):
                        yield path
                        for name in names:
                            if name.endswith('.py'):
                                yield os.path.join(path, name)
