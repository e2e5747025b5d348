"""A TCP proxy before Odoo's WebSockets that does what proxies do which were not made for them."""

import contextlib
import socket
import threading
import time

SIZE = 65536


class FlakyProxy:
    """Forwards connections to a port of 127.0.0.1, in one of these ways. Use it as a context manager.

    way     'works'; 'refuses': closes at once, which makes a 502 of nginx's; 'hangs': accepts, and says nothing;
            'dies': ends each connection after `life` seconds
    port    its own port
    opened  how many connections were made
    """

    life = 10.0

    def __init__(self, target: int):
        self.way = 'works'
        self.opened = 0
        self._target = target
        self._listener = socket.create_server(('127.0.0.1', 0), backlog=200)
        self.port: int = self._listener.getsockname()[1]
        self._sockets: set[socket.socket] = set()

    def __enter__(self) -> 'FlakyProxy':
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()

    def drop(self):
        """End all connections that are there."""
        for sock in list(self._sockets):
            self._end(sock)

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.opened += 1
            if self.way == 'refuses':
                client.close()
                continue
            self._sockets.add(client)
            if self.way != 'hangs':
                server = socket.create_connection(('127.0.0.1', self._target))
                self._sockets.add(server)
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._forward, args=ends, daemon=True).start()
                if self.way == 'dies':
                    threading.Thread(target=self._die, args=(client, server), daemon=True).start()

    def _forward(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(SIZE):
                target.sendall(data)
        self._end(source)
        self._end(target)

    def _die(self, *ends):
        time.sleep(self.life)
        for sock in ends:
            self._end(sock)

    def _end(self, sock):
        self._sockets.discard(sock)
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()
