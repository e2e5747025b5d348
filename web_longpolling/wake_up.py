# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The wake-up that follows a commit of the host: a NOTIFY without a payload, sent by the process that has committed.

It writes nothing, so it waits for no disk. The first one goes out at once, on the connection that has committed; those
of the next PAUSE seconds are one, sent by a thread, so that a process that publishes all the time is not slowed down.
Whoever only writes a watched table leaves it to a thread that sends one every SOON seconds, since views that show such
changes gather them for longer: a NOTIFY costs as much as the trigger.
"""
import threading
import time

# What the sidecars LISTEN to.
CHANNEL = 'longpolling_feed'

# Seconds between two wake-ups of one database from one process.
PAUSE = 0.01
# Seconds between two wake-ups for what is written to watched tables, and how many times in vain the thread that sends
# them looks for more before it gives its connection back and ends.
SOON = 0.1
IN_VAIN = 50


def send(connection):
    """Tell the sidecars that something was committed. Whatever goes wrong is left to their own look.

    :param connection: a psycopg2 connection without a transaction
    :returns: whether it was sent
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
        return False        # the commit that it follows has succeeded, and must not look as if it had not
    return True


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
        self._soon = set()      # those that want one soon
        self._ticking = set()   # those that have a thread for these

    def committed(self, db, connection, soon=False):
        """Something was published in `db` and committed on `connection` just now.

        :param soon: whether SOON seconds more do not matter
        """
        if soon:
            return self._want_soon(db)
        now = time.time()
        with self._lock:
            if db in self._late:
                return
            pause = self._sent.get(db, 0) + PAUSE - now
            if 0 < pause <= PAUSE:      # longer ones come from a clock that was set
                self._late.add(db)
                thread = _thread(self._send_late, db, pause)
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

    def _want_soon(self, db):
        with self._lock:
            self._soon.add(db)
            if db in self._ticking:
                return
            self._ticking.add(db)
        _thread(self._tick, db).start()

    def _tick(self, db):
        """Send what is wanted soon, as long as there is some now and then."""
        try:
            with self._borrow(db) as connection:
                in_vain = 0
                while True:
                    time.sleep(SOON)
                    with self._lock:
                        wanted = db in self._soon
                        self._soon.discard(db)
                        in_vain = 0 if wanted else in_vain + 1
                        if in_vain == IN_VAIN:
                            return self._ticking.discard(db)
                    if wanted and not send(connection):
                        break       # it is broken: what is committed from now on needs another one
        except Exception:
            pass        # no connection to be had
        with self._lock:
            self._ticking.discard(db)


def _thread(target, *args):
    thread = threading.Thread(target=target, args=args, name='longpolling wake-up')
    thread.daemon = True
    return thread
