# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The addresses of PostgreSQL's host, when db_host is a name.

libpq would ask the name server itself, and the whole process would stand still until that answers. So it is asked in a
thread of gevent's, one for each name however many connections are opened, and libpq is given the addresses.
"""
import errno
import os

import gevent
import gevent.socket
import psycopg2

# Seconds for which the name server is waited for, if it is known from before what it has to say.
SHORT = 2

# From which version on libpq takes several addresses, and goes from one to the next.
_SEVERAL = 100000

_asking = {}        # by name: the greenlet that asks
_known = {}         # by name: what was answered last


def addressed(parameters):
    """`parameters` with the addresses of their host, if that is a name.

    :param parameters: keyword arguments of ``psycopg2.connect``
    :raises psycopg2.OperationalError: if it has none, as libpq says it
    """
    name = parameters.get('host') or os.environ.get('PGHOST') or ''
    if not _is_name(name) or parameters.get('hostaddr') or os.environ.get('PGHOSTADDR'):
        return parameters
    found = _addresses(name)
    if _libpq() < _SEVERAL:
        found = found[:1]
    # The name stays: certificates, and lines of .pgpass, are for it.
    return dict(parameters, host=','.join([name] * len(found)), hostaddr=','.join(found))


def _libpq():
    # The one that is at work; psycopg2 before 2.7 does not say.
    return getattr(psycopg2.extensions, 'libpq_version', lambda: 0)()


def _is_name(host):
    """Whether a name server may have to be asked: it is no folder, no address, and not several of these."""
    if not host or host[0] in '/@' or ',' in host:
        return False
    for family in (gevent.socket.AF_INET, gevent.socket.AF_INET6):
        try:
            gevent.socket.inet_pton(family, host.partition('%')[0])
            return False
        except (EnvironmentError, ValueError):
            pass
    return True


def _addresses(name):
    if name not in _asking:
        _asking[name] = gevent.spawn(_ask, name)
    asking = _asking[name]
    if name in _known:
        asking.join(SHORT)
        if not asking.ready():
            return _known[name]
    found = asking.get()
    if not isinstance(found, EnvironmentError):
        return found
    if found.errno == gevent.socket.EAI_AGAIN and name in _known:      # the name server does not answer just now
        return _known[name]
    raise psycopg2.OperationalError('could not translate host name "%s" to address: %s' % (
        name, found.strerror or os.strerror(found.errno or errno.EINVAL)))


def _ask(name):
    """The addresses, a list of texts, or the error."""
    try:
        found = gevent.socket.getaddrinfo(name, None, 0, gevent.socket.SOCK_STREAM)
    except (EnvironmentError, UnicodeError) as error:
        return error if isinstance(error, EnvironmentError) else EnvironmentError(errno.EINVAL, str(error))
    finally:
        del _asking[name]
    addresses = []
    for _, _, _, _, address in found:
        if address[0] not in addresses:
            addresses.append(str(address[0]))
    _known[name] = addresses
    return addresses
