"""Odoo's own WebSocket server (`odoo gevent`), as a peer: users who listen on their bus."""

import base64
import contextlib
import json
import os
import subprocess
import urllib.request
from collections.abc import Generator, Iterator
from pathlib import Path

from sandbox.paths import ROOT
from sandbox.run import privilege

from . import peers, stack
from .client import PING, TEXT, Answer, Crowd, converse, http_or_frame, masked

TELLER = ROOT / 'benchmarks' / 'tell_odoo_bus.py'
# Handshakes or subscriptions at a time: each has a cursor, of which this process may have 64.
AT_A_TIME = 16
# Seconds that all of them may take.
ENTERING = 600


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
    """A WebSocket a client: handshake, then `subscribe` as the web client sends it.

    It closes the WebSocket of a client that it could not tell of something, for want of a cursor (`TRY_LATER`). The web
    client comes back after a second or two and asks for what it has missed; here it counts as not told.
    """

    name = "Odoo's bus"
    keeps_listening = True
    tells_all = False

    def __init__(self, pid: int, url: str, teller: Teller):
        super().__init__(pid, url)
        self.teller = teller

    def requests(self, sessions) -> list[bytes]:
        """The handshakes."""
        return [(f'GET /websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
                 f'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n'
                 f'Origin: http://localhost\r\nCookie: {session.cookie}\r\n\r\n').encode() for session in sessions]

    def hold(self, crowd: Crowd, sessions):
        self._hold(crowd, list(crowd.sockets), [sessions[number % len(sessions)] for number in range(len(crowd))])
        stack.wait_until_idle(self.pid, crowd.rest)

    def hold_new(self, crowd: Crowd, sessions):
        """A client more for each session."""
        self._hold(crowd, crowd.grow(len(sessions)), sessions)
        stack.wait_until_idle(self.pid, crowd.rest)

    def held_again(self, crowd: Crowd, sessions):
        """Those whose WebSocket it has closed come back."""
        stack.wait_until_idle(self.pid, crowd.rest)
        places = crowd.come_back()
        self._hold(crowd, list(places), [sessions[place % len(sessions)] for place in places.values()])

    def hold_more(self, crowd: Crowd, sessions, seconds: float) -> int:
        """As many of them as it takes, beside those who are held; how many are held then."""
        before = set(crowd.sockets) - crowd.ended
        taken = converse(crowd, self.entering(sessions), AT_A_TIME, seconds, connections=crowd.grow(len(sessions)))
        return len(before - crowd.ended) + sum(taken.values())

    def _hold(self, crowd: Crowd, connections: list[int], sessions):
        crowd.answered = http_or_frame
        taken = converse(crowd, self.entering(sessions), AT_A_TIME, ENTERING, connections=connections)
        if sum(taken.values()) != len(connections):
            raise SystemExit(f'Of {len(connections)} clients {sum(taken.values())} are held by {self.name}.')

    def entering(self, sessions) -> Iterator[Generator[bytes, Answer, bool]]:
        """What each client sends until it is held, for `client.converse`; True if it was."""
        # `subscribe`, and a ping: its pong comes when what was sent before it has been dealt with.
        text = json.dumps({'event_name': 'subscribe', 'data': {'channels': [], 'last': self.teller.ask('last')}})
        subscription = masked(TEXT, text.encode()) + masked(PING, b'')
        return (self._enter(request, subscription) for request in self.requests(sessions))

    @staticmethod
    def _enter(handshake: bytes, subscription: bytes) -> Generator[bytes, Answer, bool]:
        return (yield handshake).status == 101 and (yield subscription).status == 100

    def tell(self, users=None) -> float:
        """One `_sendone`, to all who are connected; or one to each of these users, in one transaction."""
        return self.teller.ask('broadcast' if users is None else 'users', *(users or ()))


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
