"""Odoo's own WebSocket server (`odoo gevent`), as a peer: users who listen on their bus."""

import base64
import contextlib
import json
import os
import struct
import subprocess
import urllib.request
from pathlib import Path

from sandbox.paths import ROOT
from sandbox.run import privilege

from . import peers, stack
from .client import Crowd, frame, http

TELLER = ROOT / 'benchmarks' / 'tell_odoo_bus.py'
# Handshakes or subscriptions at a time: each has a cursor, of which this process may have 64.
AT_A_TIME = 16
TEXT, PING = 1, 9


class OdooBus(peers.Peer):
    """A WebSocket a client: handshake, then `subscribe` as the web client sends it."""

    name = "Odoo's bus"
    keeps_listening = True

    def __init__(self, pid: int, url: str, teller: subprocess.Popen):
        super().__init__(pid, url)
        self._teller = teller

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
        # The pong comes when what was sent before it has been dealt with.
        subscribe = json.dumps({'event_name': 'subscribe', 'data': {'channels': [], 'last': self._ask('last')}})
        crowd.answered = frame
        self._one_wave_after_another(crowd, [masked(TEXT, subscribe) + masked(PING, '')] * len(crowd), 100)
        stack.wait_until_idle(self.pid)

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
        return self._ask('broadcast' if users is None else 'users', *(users or ()))

    def _ask(self, *words) -> float:
        assert self._teller.stdin and self._teller.stdout
        self._teller.stdin.write(' '.join(map(str, words)) + '\n')
        self._teller.stdin.flush()
        return json.loads(self._teller.stdout.readline())


def masked(kind: int, text: str) -> bytes:
    """A frame of a client (RFC 6455, 5.2), with a mask of zeros."""
    data = text.encode()
    assert len(data) < 126
    return struct.pack('!BBI', 0x80 | kind, 0x80 | len(data), 0) + data


@contextlib.contextmanager
def odoo_bus():
    """An evented server of the stack's Odoo."""
    port = peers.free_port()
    python = Path(os.environ['SANDBOX_PYTHON'])
    words = [python, python.with_name('odoo'), 'gevent', '-c', os.environ['SANDBOX_CONFIG'], '--gevent-port', port]
    surroundings = stack.host_environment()
    with peers.ended(subprocess.Popen(privilege.drop(words), env=surroundings, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)) as server, \
            peers.ended(subprocess.Popen(privilege.drop(stack.host_program(TELLER)), env=surroundings, text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)) as teller:
        peers.wait_open(port, server)
        url = f'http://127.0.0.1:{port}'
        bus = OdooBus(server.pid, url, teller)
        bus._ask('last')
        urllib.request.build_opener(stack.DIRECT).open(url + '/websocket/health', timeout=60).close()
        yield bus
