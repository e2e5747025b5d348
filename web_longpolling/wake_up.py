# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The wake-up that follows a commit of the host: a NOTIFY without a payload, sent by the process that has committed.

It writes nothing, so it waits for no disk. The first one goes out at once, on the connection that has committed; those
of the next PAUSE seconds are one, sent by a thread, so that a process that publishes all the time is not slowed down.
"""
import threading
import time

# What the sidecars LISTEN to.
CHANNEL = 'longpolling_feed'

# Seconds between two wake-ups of one database from one process.
PAUSE = 0.01


def send(connection):
    """Tell the sidecars that something was committed. Whatever goes wrong is left to their own look.

    :param connection: a psycopg2 connection without a transaction
    """
    try:
        autocommit, connection.autocommit = connection.autocommit, True     # one round trip instead of three
        try:
            cursor = connection.cursor()
            cursor.execute("NOTIFY " + CHANNEL)
            cursor.close()
        finally:
            connection.autocommit = autocommit
    except Exception:
        pass        # the commit that it follows has succeeded, and must not look as if it had not


class WakeUps(object):
    """The wake-ups of this process."""

    def __init__(self, borrow):
        """
        :param borrow: function of a database's name that gives a context manager of a psycopg2 connection to it,
            without a transaction
        """
        self._borrow = borrow
        self._lock = threading.Lock()
        self._sent = {}         # when, by database
        self._late = set()      # the databases whose next wake-up a thread sends

    def committed(self, db, connection):
        """Something was published in `db` and committed on `connection` just now."""
        now = time.time()
        with self._lock:
            if db in self._late:
                return
            pause = self._sent.get(db, 0) + PAUSE - now
            if 0 < pause <= PAUSE:      # longer ones come from a clock that was set
                self._late.add(db)
                thread = threading.Thread(target=self._send_late, args=(db, pause), name='longpolling wake-up')
                thread.daemon = True
            else:
                self._sent[db] = now
                thread = None
        if thread is None:
            send(connection)
        else:
            thread.start()

    def _send_late(self, db, pause):
        time.sleep(pause)
        with self._lock:
            self._late.discard(db)      # what is committed from now on needs another one
            self._sent[db] = time.time()
        try:
            with self._borrow(db) as connection:
                send(connection)
        except Exception:
            pass        # no connection to be had: the sidecars' look finds what was published
