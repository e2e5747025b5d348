# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What the administrator may write into the host's configuration file.

One table, ``SETTINGS``, from which the documentation makes its own; :func:`read` takes a value from the host, checks
it, and raises an error that says in one sentence what is wrong with it.
"""
import collections
import difflib
import math
import re

from . import host
from .errors import ConfigurationError

# Seconds: a day. PostgreSQL's own timeouts, which follow this one, end at 24 days.
MAX_TIMEOUT = 86400

try:
    text_types = (basestring,)
except NameError:
    text_types = (str,)


def _path(value):
    if not isinstance(value, text_types) or not re.match(r'(/[A-Za-z0-9._~-]+)+$', value):
        raise ValueError("a path that begins with a slash, does not end with one and is made of "
                         "letters, digits and . _ ~ -, such as /openerplongpolling")
    return value


def _number(value, lowest, unit, highest=float('inf')):
    wanted = "a number of %s, %s" % (unit, '%s or more' % lowest if math.isinf(highest) else
                                     'from %s to %s' % (lowest, highest))
    if isinstance(value, bool):     # the hosts turn the words True and False into these
        raise ValueError(wanted)
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(wanted)
    if math.isnan(number) or math.isinf(number) or not lowest <= number <= highest:
        raise ValueError(wanted)
    return number


def _seconds(value):
    return _number(value, 1, 'seconds')


def _idle(value):
    return _number(value, 0, 'seconds')


def _timeout(value):
    return _number(value, 1, 'seconds', MAX_TIMEOUT)


def _polls(value):
    number = _number(value, 1, 'polls')
    if number != int(number):
        raise ValueError("a whole number of polls")
    return int(number)


def _port(value):
    number = _number(value, 1, 'a TCP port')
    if number != int(number) or number > 65535:
        raise ValueError("the number of a TCP port")
    return int(number)


def _text(value):
    if not isinstance(value, text_types) or not value:
        raise ValueError("the name or address of a host")
    return value


class Setting(collections.namedtuple('Setting', 'default unit parse meaning')):
    """One key of the configuration file.

    default: the value without it; None: that of the host's own key, db_host or db_port
    unit: in the plural, '' if it has none
    parse: function of what the host has read, which gives the value, or raises ValueError with what is allowed
    meaning: what it does, for the documentation (reStructuredText)
    """

    __slots__ = ()


SETTINGS = {
    'longpolling_path': Setting(
        '/openerplongpolling', '', _path,
        "The first part of every poll's path, by which nginx or Apache finds the sidecar. Write the same path into its "
        "configuration. It begins with a slash and does not end with one."),
    'longpolling_timeout': Setting(
        60.0, 'seconds', _timeout,
        "A poll is answered with 204 if nothing has happened for so long; from 1 to 86400. Whatever stands between "
        "browser and sidecar must wait longer (nginx: ``proxy_read_timeout``)."),
    'longpolling_retention': Setting(
        86400.0, 'seconds', _seconds,
        "How long the feed keeps an event, from the commit of its transaction. A page that comes back later gets "
        "``missed`` if events of its channels are gone."),
    'longpolling_max_held': Setting(
        20000, 'polls', _polls,
        "How many polls one sidecar holds at the same time; further ones are answered with 503."),
    'longpolling_max_held_per_session': Setting(
        100, 'polls', _polls,
        "How many polls one sidecar holds for one login at the same time; further ones are answered with 503."),
    'longpolling_idle': Setting(
        3600.0, 'seconds', _idle,
        "A database that was loaded because somebody polled it is forgotten when nobody has for so long; 0: never. "
        "Those that are named with ``-d`` or ``db_name`` stay."),
    'longpolling_listen_host': Setting(
        None, '', _text,
        "Where the sidecar LISTENs and reads the feed, if ``db_host`` is a pgbouncer: it does not pass notifications "
        "on in transaction mode."),
    'longpolling_listen_port': Setting(
        None, '', _port,
        "The TCP port of ``longpolling_listen_host``."),
}


def read(name):
    """The checked value of the setting `name`, or its default.

    :raises ConfigurationError: if the host's configuration holds something else than is allowed
    """
    setting = SETTINGS[name]
    value = host.adapter().option(name)
    if value is None:
        return setting.default
    if isinstance(value, text_types):
        value = value.strip()
    try:
        return setting.parse(value)
    except ValueError as error:
        raise ConfigurationError("The configuration says %s = %s, which is not %s." % (name, value, error))


def check():
    """Read every setting once, so that a mistake stops the start.

    :raises ConfigurationError: for the first setting that is wrong
    """
    for name in sorted(SETTINGS):
        read(name)


def unread():
    """The keys of the configuration that look like settings of this table, and are none.

    :returns: a sorted list of (name, the nearest name of the table or None)
    """
    names = sorted(name for name in host.adapter().option_names()
                   if name.lower().startswith('longpolling') and name not in SETTINGS)
    return [(name, (difflib.get_close_matches(name, SETTINGS, 1) or [None])[0]) for name in names]
