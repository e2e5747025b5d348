"""Odoo's own WebSocket server (`odoo gevent`), as a peer: users who listen on their bus."""

import base64
import contextlib
import json
import os
import struct
import subprocess
import urllib.request
from collections.abc import Generator, Iterator
from pathlib import Path

from sandbox.paths import ROOT
from sandbox.run import privilege

from . import peers, stack
from .client import Answer, Crowd, frame, http

TELLER = ROOT / 'benchmarks' / 'tell_odoo_bus.py'
# Handshakes or subscriptions at a time: each has a cursor, of which this process may have 64.
AT_A_TIME = 16
TEXT, PING = 1, 9


class Teller:
    """A process of the stack's Odoo that sends notifications; see `tell_odoo_bus.py` for what it may be told."""

    def __init__(self, child: subprocess.Popen):
        assert child.stdin and child.stdout
        self._into, self._out = child.stdin, child.stdout

    def ask(self, *words) -> float:
        self.say(*words)
        return self.hear()

    def say(self, *words):
        """Without waiting for what it answers, which `hear` then gives."""
        self._into.write(' '.join(map(str, words)) + '\n')
        self._into.flush()

    def hear(self) -> float:
        return json.loads(self._out.readline())


class OdooBus(peers.Peer):
    """A WebSocket a client: handshake, then `subscribe` as the web client sends it."""

    name = "Odoo's bus"
    keeps_listening = True

    def __init__(self, pid: int, url: str, teller: Teller):
        super().__init__(pid, url)
        self.teller = teller

    def requests(self, sessions) -> list[bytes]:
        """The handshakes."""
        return [(f'GET /websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
                 f'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n'
                 f'Origin: http://localhost\r\nCookie: {session.cookie}\r\n\r\n').encode() for session in sessions]

    def hold(self, crowd: Crowd, sessions):
        requests = self.requests(sessions)
        crowd.answered = http
        self._one_wave_after_another(
            crowd, [requests[number % len(requests)] for number in range(len(crowd))], 101)
        crowd.answered = frame
        self._one_wave_after_another(crowd, [self.subscription()] * len(crowd), 100)
        stack.wait_until_idle(self.pid)

    def subscription(self) -> bytes:
        """`subscribe`, and a ping: its pong comes when what was sent before it has been dealt with."""
        text = json.dumps({'event_name': 'subscribe', 'data': {'channels': [], 'last': self.teller.ask('last')}})
        return masked(TEXT, text) + masked(PING, '')

    def entering(self, sessions) -> Iterator[Generator[bytes, Answer, bool]]:
        """What each client sends until it is held, for `client.converse`; True if it was."""
        subscription = self.subscription()
        return (self._enter(request, subscription) for request in self.requests(sessions))

    @staticmethod
    def _enter(handshake: bytes, subscription: bytes) -> Generator[bytes, Answer, bool]:
        return (yield handshake).status == 101 and (yield subscription).status == 100

    @staticmethod
    def _one_wave_after_another(crowd: Crowd, requests: list[bytes], wanted: int):
        connections = list(crowd.sockets)
        for begin in range(0, len(connections), AT_A_TIME):
            some = connections[begin:begin + AT_A_TIME]
            for connection, request in zip(some, requests[begin:], strict=False):
                crowd.send_on(connection, request)
            answers = crowd.gather(peers.SECONDS, len(some))
            if [answer.status for answer in answers] != [wanted] * len(some):
                raise SystemExit(f"Odoo's bus answered one of the clients from {begin} on with "
                                 f'{sorted({answer.status for answer in answers})}, not {wanted}.')

    def tell(self, users=None) -> float:
        """One `_sendone`, to all who are connected; or one to each of these users, in one transaction."""
        return self.teller.ask('broadcast' if users is None else 'users', *(users or ()))


def masked(kind: int, text: str) -> bytes:
    """A frame of a client (RFC 6455, 5.2), with a mask of zeros."""
    data = text.encode()
    assert len(data) < 126
    return struct.pack('!BBI', 0x80 | kind, 0x80 | len(data), 0) + data


@contextlib.contextmanager
def tells() -> Iterator[Teller]:
    """A Teller, whose registry is loaded."""
    with peers.ended(subprocess.Popen(privilege.drop(stack.host_program(TELLER)), env=stack.host_environment(),
                                      text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)) as child:
        teller = Teller(child)
        teller.ask('last')
        yield teller


@contextlib.contextmanager
def odoo_bus() -> Iterator[OdooBus]:
    """An evented server of the stack's Odoo."""
    port = peers.free_port()
    python = Path(os.environ['SANDBOX_PYTHON'])
    words = [python, python.with_name('odoo'), 'gevent', '-c', os.environ['SANDBOX_CONFIG'], '--gevent-port', port]
    with peers.ended(subprocess.Popen(privilege.drop(words), env=stack.host_environment(), stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)) as server, tells() as teller:
        peers.wait_open(port, server)
        url = f'http://127.0.0.1:{port}'
        urllib.request.build_opener(stack.DIRECT).open(url + '/websocket/health', timeout=60).close()
        yield OdooBus(server.pid, url, teller)
