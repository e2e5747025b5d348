# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Tells ``server.py --check`` what becomes of a request on its way through the dispatcher.

::

    POST /probe                     on the sidecar's own port: a name for a probe, which nobody can guess
    GET  PATH/-/probe/NAME          through the dispatcher: what of the request has arrived, as JSON
    GET  PATH/-/probe/NAME?hold=61  the same after so many seconds, held as a poll is
    GET  /probe/NAME                on the own port: how many are held, and how many clients hung up

So whoever asks the dispatcher without having asked the own port, finds nothing.
"""
import binascii
import collections
import json
import os

import gevent

from .. import settings
from .loop.clock import monotonic
from .wire import disconnect, peer_watch, responses
from .wire.responses import POSITION

# Seconds that a name is good for, and how many there may be: a check needs one for some minutes.
LIFE = 600
MOST = 4
# Polls that one probe may hold at once.
MOST_HELD = 4
# Seconds that a poll of a probe may be held beyond the timeout of others.
BEYOND = 5

# The part of the path between the long polling path and the name.
PATH = '/-/probe/'


class _Probed(object):
    """What is known of one probe."""

    __slots__ = ('until', 'counts')

    def __init__(self):
        self.until = monotonic() + LIFE
        self.counts = collections.Counter(asked=0, held=0, gone=0)


class Probe(object):
    """The probes of this process."""

    def __init__(self, timeout, watched):
        """
        :param timeout: seconds after which polls are answered
        :param watched: the PeerWatch of this process
        """
        self._longest = timeout + BEYOND
        self._watched = watched
        self._prefix = settings.read('longpolling_path') + PATH
        self._probed = collections.OrderedDict()

    def answer(self, environ):
        """The Answer to a request that is about a probe, None to any other."""
        path = environ['PATH_INFO']
        if path == '/probe' and environ['REQUEST_METHOD'] == 'POST':
            return _json({'name': self._issue()})
        own, prefix = '/probe/', self._prefix
        probed = self._find(path[len(own):]) if path.startswith(own) else None
        if probed is not None:
            return _json(dict(probed.counts))
        probed = self._find(path[len(prefix):]) if path.startswith(prefix) else None
        return self._through_dispatcher(probed, environ) if probed is not None else None

    def _issue(self):
        while len(self._probed) >= MOST:
            self._probed.popitem(last=False)
        name = binascii.hexlify(os.urandom(16)).decode('ascii')
        self._probed[name] = _Probed()
        return name

    def _find(self, name):
        probed = self._probed.get(name)
        return probed if probed is not None and monotonic() < probed.until else None

    def _through_dispatcher(self, probed, environ):
        probed.counts['asked'] += 1
        told = {'method': environ['REQUEST_METHOD'], 'scheme': environ['wsgi.url_scheme'],
                'address': environ['REMOTE_ADDR'], 'body': int(environ.get('CONTENT_LENGTH') or 0),
                'headers': dict((key[5:].replace('_', '-').lower(), value) for key, value in environ.items()
                                if key.startswith('HTTP_'))}
        name, _, value = environ.get('QUERY_STRING', '').partition('=')
        if name == 'hold' and value.isdigit():
            if probed.counts['held'] >= MOST_HELD:
                return responses.refusal(503, "This probe holds enough polls already.")
            self._hold(probed, environ, min(int(value), self._longest))
        return _json(told)

    def _hold(self, probed, environ, seconds):
        probed.counts['held'] += 1
        try:
            with disconnect.EndsPoll(environ['longpolling.incoming']), \
                    self._watched.ends_poll(environ.get(peer_watch.HEADER)):
                gevent.sleep(seconds)
        except disconnect.ClientDisconnected:
            probed.counts['gone'] += 1
            raise
        finally:
            probed.counts['held'] -= 1


def _json(told):
    return responses.plain(200, 'application/json', json.dumps(told, sort_keys=True).encode('utf-8'),
                           (POSITION, 'probe'))
