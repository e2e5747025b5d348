# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""How long to wait before something that failed is tried again."""
import random


class Backoff(object):
    """Pauses that double up to a bound, with jitter: many sidecars must not come back in the same moment."""

    def __init__(self, first, longest):
        """
        :param first: seconds; the first pause is half of it to all of it
        :param longest: seconds; no pause is longer
        """
        self._first = first
        self._longest = longest
        self._ceiling = first

    def pause(self):
        """Seconds to wait now."""
        pause = self._ceiling * random.uniform(0.5, 1.0)
        self._ceiling = min(self._ceiling * 2, self._longest)
        return pause

    def succeeded(self):
        """Begin with the first pause again."""
        self._ceiling = self._first
