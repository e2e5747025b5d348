"""The sidecar, and what is measured beside it: each is a server that holds clients until it is told something.

All of them are measured by the same programs with the same client, so each can do the same things:

    name, pid, url                  what to call it, whose memory and processor time count, where it listens
    hold(crowd, sessions)           let the Crowd ask, a connection a session in turns; return when all are held
    tell()                          one event to all who are held; the moment of its commit (monotonic clock)
    held_again(crowd, sessions)     hold them again after an event
"""

import contextlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2

from sandbox.build import build_nchan
from sandbox.run.ports import is_open
from web_longpolling import publishing, wake_up

from . import stack
from .client import Answer, Crowd

ROUTE = '/news/follow'
CHANNEL = 'benchmark'
PAYLOAD = {'text': 'benchmark'}
SECONDS = 120       # that anything may take
START = 120

NCHAN = """
load_module {module};
daemon off; master_process on; worker_processes 1; worker_rlimit_nofile {files};
pid {place}/pid; error_log {place}/error.log;
events {{ worker_connections {files}; }}
http {{
    access_log off; keepalive_requests 1000000; keepalive_timeout 600s;
    client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=16384;
        location = /subscribe {{
            nchan_subscriber longpoll; nchan_channel_id all; nchan_subscriber_first_message newest;
            nchan_subscriber_timeout 600s;
        }}
        location = /publish {{ nchan_publisher; nchan_channel_id all; nchan_message_timeout 1s; }}
    }}
}}
"""


class Peer:
    """What all of them have in common."""

    name = ''
    keeps_listening = False     # whether an event ends what is held: of a long poll it does
    tells_all = True            # whether those who are held and are not told of an event are a failure

    def __init__(self, pid: int, url: str):
        self.pid = pid
        self.url = url

    def hold(self, crowd: Crowd, sessions):
        crowd.send(self.requests(sessions))
        self.wait_until_held(len(crowd))

    def held_again(self, crowd: Crowd, sessions):
        if not self.keeps_listening:
            self.hold(crowd, sessions)

    def forget(self):
        """Wait until those who have hung up are gone."""
        stack.wait_until_idle(self.pid)

    def requests(self, sessions) -> list[bytes]:
        raise NotImplementedError

    def wait_until_held(self, count: int):
        stack.wait_until_idle(self.pid)

    def tell(self) -> float:
        raise NotImplementedError

    def answers(self, crowd: Crowd) -> list[Answer]:
        """What those who are held are answered with after an event."""
        return crowd.gather(SECONDS)


class Counting(Peer):
    """One whose /health says how many it holds."""

    def __init__(self, pid: int, url: str, health: str | None = None):
        """`health`: where the server itself listens, if `url` is a dispatcher before it."""
        super().__init__(pid, url)
        self.health = health or url

    def held(self) -> int:
        """How many polls it holds."""
        return json.load(urllib.request.build_opener(stack.DIRECT).open(self.health + '/health', timeout=60))[
            'polls_held']

    def wait_until_held(self, count: int, seconds: float = SECONDS):
        deadline = time.monotonic() + seconds
        while (now := self.held()) != count:
            if time.monotonic() > deadline:
                raise SystemExit(f'The {self.name} holds {now} polls after {seconds} s, not {count}.')
            time.sleep(0.01)


class Sidecar(Counting):
    """Polls of `/news/follow` on one channel."""

    name = 'sidecar'

    def __init__(self, pid: int, url: str, health: str | None = None):
        super().__init__(pid, url, health)
        self._writer = psycopg2.connect(stack.DSN)

    def requests(self, sessions) -> list[bytes]:
        since = self.position(sessions[0], [CHANNEL])
        return [session.request(ROUTE, channels=[CHANNEL], since=since) for session in sessions]

    def position(self, session, channels: list[str]) -> str:
        """The position of now: what the first poll of a page that follows these channels is answered with."""
        return self.answered_at(session.request(ROUTE, channels=channels))

    def answered_at(self, request: bytes) -> str:
        """The position with which a poll is answered that has none."""
        where = urlsplit(self.health)
        with socket.create_connection((where.hostname, where.port or 80), 30) as sock:
            sock.sendall(request)
            head = sock.recv(65536).decode('latin-1')
        found = re.search(r'X-Longpolling-Position: (\S+)', head)
        if found is None:
            raise SystemExit(f'A first poll was answered with {head[:200]!r}.')
        return found.group(1)

    def tell(self, channels=(CHANNEL,)) -> float:
        """Publish as the host's process does: a transaction, and then the wake-up."""
        with self._writer.cursor() as cursor:
            for channel in channels:
                publishing.publish(cursor, channel, PAYLOAD)
        begun = time.monotonic()
        self._writer.commit()
        wake_up.send(self._writer)
        return begun

    def close(self):
        self._writer.close()


class Floor(Counting):
    """A bare gevent.pywsgi in the same Python, that reads and verifies nothing; on `/now` it answers at once."""

    name = 'floor'

    def __init__(self, child):
        super().__init__(child.pid, f'http://127.0.0.1:{int(child.stdout.readline())}')
        self._child = child

    def forget(self):
        self.tell()         # it does not notice that anybody is gone
        super().forget()

    def requests(self, sessions) -> list[bytes]:
        return [session.request(ROUTE, channels=[CHANNEL], since='000000000000.0') for session in sessions]

    def tell(self) -> float:
        begun = time.monotonic()
        self._child.stdin.write(b'\n')
        self._child.stdin.flush()
        return begun


class Nchan(Peer):
    """The nginx module nchan: a subscriber's long poll, which asks for no login."""

    name = 'nchan'

    def requests(self, sessions) -> list[bytes]:
        return [b'GET /subscribe HTTP/1.1\r\nHost: localhost\r\nCookie: ' + session.cookie.encode() + b'\r\n\r\n'
                for session in sessions]

    def tell(self) -> float:
        begun = time.monotonic()
        urllib.request.build_opener(stack.DIRECT).open(self.url + '/publish', json.dumps(PAYLOAD).encode(),
                                                       timeout=60).close()
        return begun


def running_sidecar() -> Sidecar:
    """The sidecar of the stack."""
    return Sidecar(stack.PID, stack.SIDECAR)


@contextlib.contextmanager
def sidecar():
    """A sidecar that has just been started, and ends with the block; (it, seconds until it listened)."""
    port = urlsplit(stack.SIDECAR).port or 80
    begun = time.monotonic()
    with ended(subprocess.Popen([*shlex.split(os.environ['SANDBOX_SIDECAR_CMD']), '-p', str(port)],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)) as child:
        wait_open(port, child)
        one = Sidecar(child.pid, stack.SIDECAR)
        one.wait_until_held(0)
        try:
            yield one, time.monotonic() - begun
        finally:
            one.close()


@contextlib.contextmanager
def floor(*arguments: str):
    """A floor. With the argument `listen` it is told by the same wake-ups as the sidecar."""
    with ended(subprocess.Popen([os.environ['SANDBOX_PYTHON'], Path(__file__).with_name('floor.py'), *arguments],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)) as child:
        yield Floor(child)


@contextlib.contextmanager
def nchan():
    """A worker of nginx with nchan."""
    installed = build_nchan()
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        port = free_port()
        configuration = Path(place, 'nginx.conf')
        configuration.write_text(NCHAN.format(module=installed.module, place=place, port=port, files=19000))
        with ended(subprocess.Popen(
                [installed.nginx, '-p', place, '-c', configuration, '-e', place + '/error.log'],
                env={**os.environ, 'LD_LIBRARY_PATH': installed.libraries}), signal.SIGTERM) as child:
            wait_open(port, child)
            yield Nchan(worker_of(child.pid), f'http://127.0.0.1:{port}')


def worker_of(master: int) -> int:
    """The process id of nginx's only worker: the master listens already before it starts that."""
    children = Path(f'/proc/{master}/task/{master}/children')
    deadline = time.monotonic() + START
    while not (found := children.read_text().split()):
        if time.monotonic() > deadline:
            raise SystemExit('nginx started no worker.')
        time.sleep(0.02)
    return int(found[0])


@contextlib.contextmanager
def ended(child: subprocess.Popen, number: int = signal.SIGKILL):
    """Ends the process with the block."""
    try:
        yield child
    finally:
        child.send_signal(number)
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def wait_open(port: int, child: subprocess.Popen):
    deadline = time.monotonic() + START
    while not is_open(port):
        if child.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f'{child.args!r} did not start to listen (status {child.returncode}).')
        time.sleep(0.02)
