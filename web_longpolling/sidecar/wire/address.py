# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Where the sidecar listens: a TCP port of an IPv4 or IPv6 address, or a Unix socket: ``unix:/run/polls.sock``."""
import errno
import os
import socket
import stat

import gevent.socket

from ...errors import ConfigurationError

UNIX = 'unix:'
# Whoever may enter the socket's folder may ask, as whoever is on this machine may ask 127.0.0.1.
MODE = 0o666

SO_REUSEPORT = 15       # Linux; Python 2.7's socket module does not name it

_ALL = {'0.0.0.0': '127.0.0.1', '::': '::1'}


def bind(interface, port, reuse_port=False):
    """A bound gevent socket that does not listen yet: browsers come when everything is loaded.

    :param interface: an address or the name of one, or UNIX and a path
    :raises ConfigurationError: if that can't be done
    """
    if interface.startswith(UNIX):
        return _bind_unix(interface[len(UNIX):], reuse_port)
    if interface in ('', '*'):      # the resolver would take it for this machine's own address
        raise ConfigurationError("-i takes one address, not %r: 0.0.0.0 is all of IPv4, and :: all of IPv6 and IPv4."
                                 % interface)
    try:
        family, kind, protocol, _, address = gevent.socket.getaddrinfo(
            interface.strip('[]'), port, 0, gevent.socket.SOCK_STREAM)[0]
        listener = gevent.socket.socket(family, kind, protocol)
        listener.setsockopt(gevent.socket.SOL_SOCKET, gevent.socket.SO_REUSEADDR, 1)
        if family == gevent.socket.AF_INET6:
            listener.setsockopt(gevent.socket.IPPROTO_IPV6, gevent.socket.IPV6_V6ONLY, 0)
        if reuse_port:
            listener.setsockopt(gevent.socket.SOL_SOCKET, SO_REUSEPORT, 1)
        listener.bind(address)
    except EnvironmentError as error:
        raise ConfigurationError("Can't listen on %s port %s: %s; give another one with -i and -p." % (
            interface, port, error.strerror))
    return listener


def _bind_unix(path, reuse_port):
    if reuse_port:
        raise ConfigurationError("--reuse-port is for TCP ports: give each sidecar a Unix socket of its own.")
    listener = gevent.socket.socket(gevent.socket.AF_UNIX, gevent.socket.SOCK_STREAM)
    try:
        _remove_left_over(path)
        listener.bind(path)
        os.chmod(path, MODE)
    except EnvironmentError as error:
        listener.close()
        raise ConfigurationError("Can't listen on the Unix socket %s: %s; give another path with -i." % (
            path, error.strerror or error))
    return listener


def _remove_left_over(path):
    """Remove the file of a socket on which nobody listens any more: whoever was killed has left it there."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            raise EnvironmentError(errno.EEXIST, "there is a file of this name that is no socket")
    except EnvironmentError as error:
        if error.errno == errno.ENOENT:
            return
        raise
    asking = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        asking.connect(path)
    except EnvironmentError as error:
        if error.errno != errno.ECONNREFUSED:
            raise
        os.unlink(path)
        return
    finally:
        asking.close()
    raise EnvironmentError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def remove(listener):
    """Remove the file of a Unix socket. Called before it is closed: after that it may be another sidecar's."""
    if listener.family == gevent.socket.AF_UNIX:
        try:
            os.unlink(listener.getsockname())
        except EnvironmentError:
            pass


def name(listener):
    """What the log calls it: ``'127.0.0.1':8068``, or ``'unix:/run/longpolling.sock'``."""
    if listener.family == gevent.socket.AF_UNIX:
        return "'%s%s'" % (UNIX, listener.getsockname())
    return "'%s':%s" % tuple(listener.getsockname()[:2])


def to_reach(interface, port):
    """Where a client on this machine reaches it: the path of a Unix socket, or (address, port)."""
    if interface.startswith(UNIX):
        return interface[len(UNIX):]
    interface = interface.strip('[]')
    return _ALL.get(interface, interface), port
