# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""File descriptors: a socket each. Polls must be refused before there are none left.

A host without descriptors can't read its session files, and takes that for a logged out user.
"""
import resource

from ...errors import ConfigurationError

# Standard streams, log, event loop, session files, modules being imported.
RESERVE = 64
FEWEST = 100


def connections(to_databases):
    """How many connections of browsers this process can have, after raising its limit to what is allowed.

    :param to_databases: how many descriptors its connections to PostgreSQL need
    :raises ConfigurationError: if that is too few to work with
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY:
        hard = 2 ** 20
    left = hard - RESERVE - to_databases
    if left < FEWEST:
        raise ConfigurationError("This process may open %d files only, which leaves %d connections to browsers: "
                                 "raise the limit (ulimit -n, or LimitNOFILE= of systemd), or give a smaller "
                                 "--max-cursor." % (hard, max(left, 0)))
    return left
