# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Lines of the log that are written while a poll is served name its database and user.

The hosts' format has a place for the database, and fill it from the thread; here all polls share one.
"""
import logging
import threading


try:
    _strings = (basestring,)        # noqa: F821
except NameError:
    _strings = (str,)

# Of a record: the Request of the poll that it is about, which may be over.
_REQUEST = 'longpolling_request'


def of(request):
    """For the argument ``extra`` of a logger's methods: the line is about this Request, if it is one."""
    return {_REQUEST: request}


class LogContext(logging.Filter):
    """Adds to each record whose poll it is of."""

    def __init__(self, polls):
        """
        :param polls: the Polls of this process
        """
        logging.Filter.__init__(self)
        self._polls = polls

    def filter(self, record):
        request = getattr(record, _REQUEST, None) or self._polls.current()
        who = request.who if request is not None else None
        if who is not None and not hasattr(record, 'longpolling_user'):     # several handlers may come by
            database, record.longpolling_user = who
            message = record.msg if isinstance(record.msg, _strings) else str(record.msg)
            record.msg = message + ' [user %s]' % record.longpolling_user
            record.dbname = database                                        # Odoo's format
            threading.current_thread().dbname = database                    # OpenERP's
        elif request is not None and who is None:
            # This connection may have served a poll of somebody else before.
            threading.current_thread().dbname = '?'
        return True


def install(polls):
    """Let all handlers of the root logger add it."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(LogContext(polls))
