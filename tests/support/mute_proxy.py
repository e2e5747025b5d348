"""A TCP proxy that can go silent: it accepts and goes on accepting, and says nothing any more."""

import contextlib
import selectors
import socket
import threading

SIZE = 65536


class MuteProxy:
    """Forwards connections to `port` of 127.0.0.1 until it is told otherwise. Use it as a context manager.

    port: its own port
    """

    def __init__(self, target: int):
        self._target = target
        self._listener = socket.create_server(('127.0.0.1', 0), backlog=200)
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._silent = False
        self._token = b''               # go silent when a client says this
        self._forgotten: set = set()    # sockets on which nothing goes on, though others do
        self._said: dict = {}           # the last words of each client
        self._pairs: dict = {}          # a socket and its other end
        self._over = False
        self._wake, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> 'MuteProxy':
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._over = True
        self._waker.send(b'x')
        self._thread.join(10)
        for sock in (self._listener, self._wake, self._waker, *self._pairs):
            sock.close()

    def mute(self):
        """Say nothing from now on, on connections that are there and on those that come."""
        self._silent = True
        self._waker.send(b'x')

    def mute_when(self, token: bytes):
        """Go silent as soon as a client says this; that itself is not forwarded."""
        self._token = token

    def forget(self):
        """Connections that are there are silent for good; those that come are forwarded: a failover."""
        with self._lock:
            self._forgotten.update(self._pairs)
        self._waker.send(b'x')

    def close_others(self, words: bytes):
        """Close the connections of clients that have said nothing or something else last: those that are idle."""
        with self._lock:
            others = [sock for sock, said in self._said.items() if words not in said]
        for sock in others:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)     # read as its end, and forwarded as that

    def recover(self):
        """Forward new connections again; what was silent stays so."""
        self.forget()
        self._silent, self._token = False, b''

    def _run(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while not self._over:
                for key, _ in selector.select():
                    if key.fileobj is self._listener:
                        self._accept(selector)
                    elif key.fileobj is self._wake:
                        self._wake.recv(100)
                    elif key.fileobj not in self._pairs:
                        continue        # its other end has closed both, a moment ago
                    elif self._silent or key.fileobj in self._forgotten:
                        selector.unregister(key.fileobj)
                        self._forgotten.add(key.fileobj)
                    else:
                        self._forward(selector, key.fileobj, key.data)

    def _accept(self, selector):
        client, _ = self._listener.accept()
        server = None
        if not self._silent:
            server = socket.create_connection(('127.0.0.1', self._target))
        with self._lock:
            self._pairs[client] = server
            if server is None:
                self._forgotten.add(client)
                return
            self._pairs[server] = client
            self._said[client] = b''
        selector.register(client, selectors.EVENT_READ, 'client')
        selector.register(server, selectors.EVENT_READ, 'server')

    def _forward(self, selector, sock, side):
        try:
            data = sock.recv(SIZE)
        except OSError:
            data = b''
        if side == 'client' and self._token and self._token in data:
            self._silent = True
            return
        other = self._pairs[sock]
        if data:
            if side == 'client':
                self._said[sock] = data
            with contextlib.suppress(OSError):
                other.sendall(data)
            return
        for end in (sock, other):
            with contextlib.suppress(KeyError):
                selector.unregister(end)
            with self._lock:
                self._pairs.pop(end, None)
                self._said.pop(end, None)
            end.close()
