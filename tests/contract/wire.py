"""A client that sends bytes, past nginx, to the sidecar itself."""

import contextlib
import socket
import time

PUBLIC = '/openerplongpolling/public'


def address(stack) -> tuple[str, int]:
    return '127.0.0.1', stack.sidecars[0].port


def answer(stack, request: bytes, seconds: float = 15) -> bytes:
    """What the sidecar says to these bytes until it closes the connection."""
    with contextlib.closing(socket.create_connection(address(stack), timeout=seconds)) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        return rest(connection)


def rest(connection) -> bytes:
    """What comes until the other side closes."""
    said = b''
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            said += part
    return said


def status(said: bytes) -> int:
    assert said.startswith(b'HTTP/1.1 '), said
    return int(said.split()[1])


def body(said: bytes) -> bytes:
    return said.partition(b'\r\n\r\n')[2]


def headers(said: bytes) -> dict[str, str]:
    lines = said.partition(b'\r\n\r\n')[0].decode('latin-1').split('\r\n')[1:]
    return {name.lower(): value for name, _, value in (line.partition(': ') for line in lines)}


def head(*lines: str, method='GET', path=PUBLIC) -> bytes:
    return '\r\n'.join([f'{method} {path} HTTP/1.1', 'Host: localhost', 'Connection: close', *lines, '', '']
                       ).encode('latin-1')


def drip(connection, data: bytes, pause: float, seconds: float) -> float:
    """Send a byte each `pause` seconds until the other side answers; returns after how many seconds that was."""
    begun = time.monotonic()
    connection.settimeout(pause)
    for octet in data:
        assert time.monotonic() - begun < seconds, 'still open'
        with contextlib.suppress(ConnectionError):
            connection.sendall(bytes([octet]))
        with contextlib.suppress(TimeoutError):
            if connection.recv(1, socket.MSG_PEEK) is not None:
                break
    connection.settimeout(15)
    return time.monotonic() - begun
