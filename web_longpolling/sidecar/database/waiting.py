# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Waiting for PostgreSQL: it may vanish without a word, and each wait has a bound of seconds.

=============================================  =====================================================================
wait                                           bound
=============================================  =====================================================================
to connect (``connections.connect``)           ANSWER, with what a name server says (``resolver``)
the first round trip on an idle connection     ``connections.PATIENCE``
a query that runs                              every ``connections.PATIENCE`` seconds another connection asks whether
                                               PostgreSQL is there
a registry that is loaded, in a thread         the same (``noticing``); what waits there is given up
LISTEN, and what is read there                 ``listener.READ_TIME``; while nobody follows, it is asked now and then
=============================================  =====================================================================
"""
import contextlib
import select
import socket

import gevent
import gevent.monkey
import psycopg2
import psycopg2.extensions
from gevent.hub import get_hub
from psycogreen.gevent import gevent_wait_callback

from ...errors import DatabaseUnavailable
from ..loop.aside import aside
from ..loop.deadline import ReadTimeout

# The unpatched one: beside the event loop there are no greenlets to switch to.
_poll = gevent.monkey.get_original('select', 'poll')

# Seconds between two looks whether what runs beside the event loop is still wanted.
STEP = 0.5

# Seconds for an answer that takes PostgreSQL some milliseconds.
ANSWER = 10

# A machine that is gone is noticed after 10 + 3 * 5 seconds at the latest; the kernel's default is hours.
KEEPALIVE = {'keepalives': 1, 'keepalives_idle': 10, 'keepalives_interval': 5, 'keepalives_count': 3}

_VANISHED = "the server says nothing any more"


def install():
    """Let psycopg2 wait in the event loop, and beside it (``loop/aside.py``) as in a program without greenlets."""
    psycopg2.extensions.set_wait_callback(_wait)


def _wait(connection):
    """psycopg2 calls this for whatever it waits for; see its documentation, "Support for coroutine libraries"."""
    if not aside.here():
        return gevent_wait_callback(connection)
    while True:
        state = connection.poll()
        if state == psycopg2.extensions.POLL_OK:
            return None
        poller = _poll()
        poller.register(connection.fileno(),
                        select.POLLIN if state == psycopg2.extensions.POLL_READ else select.POLLOUT)
        while not poller.poll(STEP * 1000):
            if aside.given_up:
                raise psycopg2.OperationalError(_VANISHED)


@contextlib.contextmanager
def bounded(seconds):
    """Wait for PostgreSQL in the block, but no longer than `seconds`.

    :raises DatabaseUnavailable: if that is over; psycopg2 has closed the connection then
    """
    own = ReadTimeout(seconds)
    try:
        with own:
            yield
            return
    except ReadTimeout as timeout:
        if timeout is not own:
            raise
    raise DatabaseUnavailable(str(own))     # out here: the traceback of the timeout would keep the socket open


@contextlib.contextmanager
def noticing(step, present):
    """Wait for PostgreSQL in the block for as long as it is there.

    :param step: seconds between two questions
    :param present: function that asks it, and returns whether it has said something
    :raises DatabaseUnavailable: if not
    """
    waiter, over, vanished = gevent.getcurrent(), [], []

    def ask():
        while not over:         # again and again: the host may try something else, and wait there
            gevent.sleep(step)
            if not over and not present():
                vanished.append(True)
                get_hub().loop.run_callback(give_up)

    def give_up():
        if not over:            # called by the event loop: the waiter is not at work just now
            waiter.throw(DatabaseUnavailable(_VANISHED))

    asking = gevent.spawn(ask)
    try:
        yield
    except Exception:           # whatever the host made of it
        if vanished:
            raise DatabaseUnavailable(_VANISHED)
        raise
    finally:
        over.append(True)
        asking.kill(block=False)


def hang_up(connection):
    """End a connection on which another greenlet may wait; the kernel wakes that."""
    try:
        sock = socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.shutdown(socket.SHUT_RDWR)
        finally:
            sock.close()
    except EnvironmentError:
        pass        # it has ended already
