"""A client's connection to the sidecar's own side of it, without a server, and the work of reading it in bytes."""

import contextlib

import gevent
import gevent.socket

from web_longpolling.sidecar.wire.incoming import Incoming


@contextlib.contextmanager
def pair(address='127.0.0.1'):
    """The client's end of a TCP connection, and the sidecar's, as gevent's sockets with a timeout of 10 seconds."""
    family = gevent.socket.AF_INET6 if ':' in address else gevent.socket.AF_INET
    with gevent.socket.socket(family) as listener:
        listener.bind((address, 0))
        listener.listen()
        with gevent.socket.create_connection(listener.getsockname()[:2], timeout=10) as client:
            server, _ = listener.accept()
            with server:
                server.settimeout(10)
                yield client, server


@contextlib.contextmanager
def incoming(data: bytes, leaves=True):
    """The Incoming of a client that sends this, and then closes its side or, if it does not leave, stays silent."""
    def send():
        with contextlib.suppress(OSError):      # who is refused may not be read to the end
            client.sendall(data)
            if leaves:
                client.shutdown(gevent.socket.SHUT_WR)

    with pair() as (client, server):
        sending = gevent.spawn(send)
        try:
            yield Incoming(server)
        finally:
            sending.kill()


class Work:
    """Counts what is done with bytes.

    seen: how many were searched or split
    copied: how many were put into new bytes
    """

    def __init__(self):
        self.seen = self.copied = 0

    def count(self, data: bytes) -> 'Counted':
        """The same bytes; whatever is made of them counts here as well."""
        counted = Counted(data)
        counted.work = self
        return counted


class Counted(bytes):
    work: Work

    def _copy(self, data):
        self.work.copied += len(data)
        return self.work.count(data)

    def __add__(self, other):
        return self._copy(bytes(self) + bytes(other))

    def __radd__(self, other):
        return self._copy(bytes(other) + bytes(self))

    def __getitem__(self, key):
        found = bytes(self)[key]
        return self._copy(found) if isinstance(key, slice) else found

    def find(self, sought, begin=0, end=None):
        place = bytes(self).find(sought, begin, end)
        limit = len(self) if end is None else min(end, len(self))
        self.work.seen += max(0, (limit if place < 0 else place + len(sought)) - begin)
        return place

    def split(self, *arguments):
        self.work.seen += len(self)
        return [self._copy(part) for part in bytes(self).split(*arguments)]

    def partition(self, separator):
        self.work.seen += len(self)
        return tuple(self._copy(part) for part in bytes(self).partition(separator))

    def strip(self, *arguments):
        self.work.seen += len(self)
        return self._copy(bytes(self).strip(*arguments))


class Dripping:
    """A connection on which the bytes come one by one, or some few together, as Counted."""

    def __init__(self, sock, work: Work, together=1):
        self._sock, self._work, self._together = sock, work, together

    def recv(self, size):
        return self._work.count(self._sock.recv(min(size, self._together)))
