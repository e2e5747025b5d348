"""A browser on Odoo's own WebSocket, as far as the protocol goes (RFC 6455)."""

import base64
import json
import secrets
import socket
import struct
from urllib.parse import urlsplit

from .clients import Session

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
SECONDS = 30


class WebSocket:
    """A connection through the dispatcher. Use it as a context manager.

    status      of the answer to the handshake: 101 if it has been opened
    messages    [{"id", "message"}, ...], in the order in which they came
    """

    def __init__(self, session: Session, version: str = '19.0-2'):
        address = urlsplit(session.url)
        self.messages: list[dict] = []
        self._socket = socket.create_connection((address.hostname or '', address.port or 80), SECONDS)
        self._rest = b''
        self._socket.sendall(
            f'GET /websocket?version={version} HTTP/1.1\r\nHost: {address.netloc}\r\nOrigin: {session.url}\r\n'
            f'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nUser-Agent: tests\r\n'
            f'Sec-WebSocket-Key: {base64.b64encode(secrets.token_bytes(16)).decode()}\r\n'
            f'Cookie: {"=".join(session.cookie)}\r\n\r\n'.encode())
        while b'\r\n\r\n' not in self._rest:
            self._rest += self._some()
        head, _, self._rest = self._rest.partition(b'\r\n\r\n')
        self.status = int(head.split()[1])

    def __enter__(self) -> 'WebSocket':
        return self

    def __exit__(self, *error):
        self._socket.close()

    def send(self, event_name: str, data: dict):
        self._frame(TEXT, json.dumps({'event_name': event_name, 'data': data}).encode())

    def close(self):
        """As a browser whose page leaves; returns when the server has closed, and done what it does then."""
        self._frame(CLOSE, struct.pack('!H', 1000))
        while self._read()[0] != CLOSE:
            pass
        while self._socket.recv(4096):
            pass

    def payloads(self, kind: str = 'test') -> list:
        return [message['message']['payload'] for message in self.messages if message['message']['type'] == kind]

    def read_until(self, condition):
        """Read messages until `condition()` is true."""
        while not condition():
            kind, content = self._read()
            assert kind != CLOSE, (content, self.messages)
            if kind == PING:
                self._frame(PONG, content)
            if kind == TEXT:
                self.messages += json.loads(content)

    def _frame(self, kind: int, content: bytes):
        size = len(content)
        length = struct.pack('!B', 0x80 | size) if size < 126 else struct.pack('!BH', 0x80 | 126, size)
        self._socket.sendall(bytes([0x80 | kind]) + length + bytes(4) + content)      # a mask of zeros

    def _read(self) -> tuple[int, bytes]:
        first, size = self._exactly(2)
        if size == 126:
            [size] = struct.unpack('!H', self._exactly(2))
        elif size == 127:
            [size] = struct.unpack('!Q', self._exactly(8))
        return first & 0x0f, self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        while len(self._rest) < size:
            self._rest += self._some()
        content, self._rest = self._rest[:size], self._rest[size:]
        return content

    def _some(self) -> bytes:
        some = self._socket.recv(65536)
        assert some, 'the server has hung up'
        return some
