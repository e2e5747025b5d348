# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What was used recently, bounded in number."""


class Recent(object):
    """A mapping that forgets what was not used for long: it keeps the last `size` entries at least, and never more than
    twice as many.
    """

    def __init__(self, size):
        self._size = size
        self._young, self._old = {}, {}

    def __len__(self):
        return len(self._young) + len(self._old)

    def get(self, key):
        """The value, or None."""
        value = self._young.get(key)
        if value is None:
            value = self._old.pop(key, None)
            if value is not None:
                self[key] = value
        return value

    def __setitem__(self, key, value):
        if len(self._young) >= self._size and key not in self._young:
            self._young, self._old = {}, self._young
        self._young[key] = value

    def pop(self, key):
        """Forget it."""
        self._young.pop(key, None)
        self._old.pop(key, None)
