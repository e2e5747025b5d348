# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""A small HTTP client: the check asks the sidecar's own port, and the dispatcher as a browser would."""
import collections
import json
import socket
import ssl
import sys

from ..database.connections import one_line
from ..wire import address

if sys.version_info[0] > 2:
    from http.client import HTTPConnection, HTTPException, HTTPSConnection
    from urllib.parse import urlsplit
else:
    from httplib import HTTPConnection, HTTPException, HTTPSConnection
    from urlparse import urlsplit

# Seconds that an answer may take that needs no waiting.
SECONDS = 10
# Bytes that are read of an answer.
MOST = 1 << 20

Answer = collections.namedtuple('Answer', 'status headers body')


class Unreachable(Exception):
    """There is no answer; the text says why."""


class BadCertificate(Unreachable):
    """A browser would warn of it; the text says why, and what to do."""


class _UnixConnection(HTTPConnection):

    def __init__(self, path, timeout):
        HTTPConnection.__init__(self, 'localhost', timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Site(object):
    """Something that answers HTTP.

    host: what a browser says in its header Host
    secure: whether by TLS
    """

    def __init__(self, connect, name, host, secure=False, base=''):
        """
        :param connect: function of a timeout in seconds, which gives an HTTPConnection
        :param name: what it is called in sentences
        :param base: a path before all others
        """
        self.host = host
        self.secure = secure
        self._connect = connect
        self._name = name
        self._base = base

    def __str__(self):
        return self._name

    @classmethod
    def of_url(cls, url):
        """The site of an address such as https://example.com.

        :raises ValueError: if it is none
        """
        parts = urlsplit(url)
        if parts.scheme not in ('http', 'https') or not parts.hostname:
            raise ValueError("%r is no address such as https://www.example.com" % url)
        kind = HTTPSConnection if parts.scheme == 'https' else HTTPConnection
        port = parts.port           # raises ValueError too
        return cls(lambda timeout: kind(parts.hostname, port, timeout=timeout), url.rstrip('/'), parts.netloc,
                   parts.scheme == 'https', parts.path.rstrip('/'))

    @classmethod
    def of_sidecar(cls, options):
        """The sidecar's own port or Unix socket."""
        place = address.to_reach(options.interface, options.port)
        if isinstance(place, tuple):
            name = ('[%s]:%d' if ':' in place[0] else '%s:%d') % place
            return cls(lambda timeout: HTTPConnection(place[0], place[1], timeout=timeout), name, name)
        return cls(lambda timeout: _UnixConnection(place, timeout), address.UNIX + place, 'localhost')

    def ask(self, method, path, headers=None, body=None, seconds=SECONDS):
        """The Answer, its headers a dict by their names in lower case.

        :raises Unreachable: if there is none
        """
        connection = self._connect(seconds)
        try:
            connection.request(method, self._base + path, body, dict(headers or {}, Connection='close'))
            response = connection.getresponse()
            told = {}
            for name, value in response.getheaders():
                name = name.lower()
                told[name] = '%s, %s' % (told[name], value) if name in told else value
            return Answer(response.status, told, response.read(MOST))
        except _FAILURES as error:
            raise _unreachable(error, seconds)
        finally:
            connection.close()

    def certificate(self):
        """Until when the certificate of a secure site is good, seconds since 1970; it is looked at as browsers do.

        :raises BadCertificate: if it is not good
        :raises Unreachable: if there is nobody, or nobody who speaks TLS
        """
        connection = self._connect(SECONDS)
        try:
            connection.connect()
            return ssl.cert_time_to_seconds(connection.sock.getpeercert()['notAfter'])
        except _FAILURES as error:
            raise _unreachable(error, SECONDS)
        finally:
            connection.close()

    def json(self, method, path, **more):
        """What the JSON of an answer with status 200 says, None if there is none."""
        try:
            answer = self.ask(method, path, **more)
            return json.loads(answer.body.decode('utf-8')) if answer.status == 200 else None
        except (Unreachable, ValueError):
            return None

    def send(self, path):
        """Send a GET and wait for nothing; returns the connection, to be closed."""
        connection = self._connect(SECONDS)
        try:
            connection.request('GET', self._base + path)
        except _FAILURES as error:
            connection.close()
            raise _unreachable(error, SECONDS)
        return connection


# CertificateError: a name that does not fit, on Python 2.7.
_FAILURES = (EnvironmentError, HTTPException, ssl.CertificateError)


def _unreachable(error, seconds):
    """What to raise for this failure to get an answer within `seconds`."""
    if isinstance(error, socket.timeout):
        return Unreachable("no answer within %d s" % seconds)
    reason = one_line(getattr(error, 'verify_message', None) or getattr(error, 'strerror', None) or error)
    if isinstance(error, ssl.CertificateError) or 'CERTIFICATE_VERIFY_FAILED' in str(error) \
            or 'certificate verify failed' in str(error):
        if 'match' in reason:
            return BadCertificate("it is for another name (%s): give --url as browsers open it, or the dispatcher a "
                                  "certificate of this name" % reason.rstrip('.'))
        return BadCertificate("%s; if your own CA has signed it, say where the CA's certificate is: "
                              "SSL_CERT_FILE=/path/ca.pem before the command" % reason)
    if isinstance(error, ssl.SSLError):
        return Unreachable("it does not speak TLS there (%s)" % reason)
    return Unreachable(reason or type(error).__name__)
