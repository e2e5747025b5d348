# -*- coding: utf-8 -*-
"""The event loop: fresh stacks, the clock, the deadline of a poll, the monitor of blocks."""
