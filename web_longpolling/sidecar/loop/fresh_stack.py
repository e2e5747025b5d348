# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Calling what needs a deep stack on a stack of its own.

A greenlet keeps the memory that its stack has once used, and a poll is held for a minute after its login was
verified: the host's ORM alone would leave 12 KiB with each of them, as much as all the rest of a poll.
"""
from greenlet import greenlet


def run_on_fresh_stack(function, *arguments):
    """What ``function(*arguments)`` returns or raises, called in a greenlet that ends with it.

    Whatever ends the poll meanwhile (its timeout, a client that is gone) is raised inside of `function`, as
    if it were called directly.
    """
    callee = greenlet(function)     # a child: its end, or its exception, comes back to this one by itself
    try:
        return callee.switch(*arguments)
    except BaseException as end:
        if callee.dead:             # its own exception
            raise
        callee.throw(end)           # raises what becomes of it; only a GreenletExit is returned instead
        raise end
