"""The stack of `python3 -m sandbox run` that a benchmark measures, and the floor beside it."""

import contextlib
import http.cookiejar
import json
import os
import re
import resource
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2

# Bare gevent.pywsgi, in the same interpreter as the sidecar.
FLOOR = Path(__file__).with_name('floor.py')

HOST = os.environ.get('SANDBOX_HOST', '')
SIDECAR = os.environ.get('SANDBOX_SIDECAR_URL', '')

if not HOST:
    raise SystemExit('A benchmark runs in the sandbox: see benchmarks/README.rst for the command.')

PID = int(os.environ['SANDBOX_SIDECAR_PID'])
DSN = os.environ['SANDBOX_DSN']

_direct = urllib.request.ProxyHandler({})


class Visitor:
    """A login on the host; each is a session of its own."""

    def __init__(self):
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(_direct, urllib.request.HTTPCookieProcessor(self.jar))
        self.extra = {'session_id': 'benchmark'} if HOST == 'openerp-7.0' else {}
        self.call('/web/session/authenticate', {
            'db': os.environ['SANDBOX_DB'], 'login': os.environ['SANDBOX_LOGIN'],
            'password': os.environ['SANDBOX_PASSWORD'], 'base_location': os.environ['SANDBOX_HOST_URL']})

    def call(self, route: str, params: dict):
        """A JSON-RPC call of the web client; returns its result."""
        body = json.dumps({'jsonrpc': '2.0', 'method': 'call', 'id': 1, 'params': {**params, **self.extra}}).encode()
        request = urllib.request.Request(os.environ['SANDBOX_HOST_URL'] + route, body,      # noqa: S310
                                         {'Content-Type': 'application/json'})
        answer = json.load(self.opener.open(request, timeout=60))
        if 'error' in answer:
            raise SystemExit(f'{route}: {answer["error"]}')
        return answer['result']

    def request(self, route: str, **params) -> bytes:
        """The bytes of one poll."""
        cookies = '; '.join(f'{cookie.name}={cookie.value}' for cookie in self.jar)
        body = json.dumps({**params, **self.extra})
        return (f'POST /openerplongpolling{route} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookies}\r\n'
                f'Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}').encode()


def visitors(count: int) -> list[Visitor]:
    """That many sessions."""
    return [Visitor() for _ in range(count)]


def held() -> int:
    """How many polls the sidecar holds, as its /health says."""
    return json.load(urllib.request.build_opener(_direct).open(SIDECAR + '/health', timeout=60))['polls_held']


def wait_until_held(count: int, seconds: float = 120) -> float:
    """Wait until the sidecar holds exactly so many polls; returns the seconds that it took."""
    begun = time.monotonic()
    while (now := held()) != count:
        if time.monotonic() - begun > seconds:
            raise SystemExit(f'The sidecar holds {now} polls after {seconds} s, not {count}.')
        time.sleep(0.01)
    return time.monotonic() - begun


def sql(statement: str) -> list[tuple]:
    """The rows that a statement gives, if it gives any; committed at once."""
    with contextlib.closing(psycopg2.connect(DSN)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []


def connections() -> int:
    """The sidecar's connections to PostgreSQL."""
    [(count,)] = sql("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'longpolling%'")
    return count


def position(visitor, channels: list[str]) -> str:
    """The position of now: what the first poll of a page that follows these channels is answered with."""
    with socket.create_connection((urlsplit(SIDECAR).hostname, urlsplit(SIDECAR).port or 80), 30) as sock:
        sock.sendall(visitor.request('/news/follow', channels=channels))
        head = sock.recv(65536).decode('latin-1')
    found = re.search(r'X-Longpolling-Position: (\S+)', head)
    if found is None:
        raise SystemExit(f'A first poll was answered with {head[:200]!r}.')
    return found.group(1)


class Floor:
    """A bare gevent.pywsgi that holds each request until `release`; on `/now` it answers at once."""

    def __init__(self, child):
        self.child = child
        self.pid = child.pid
        self.url = f'http://127.0.0.1:{int(child.stdout.readline())}'

    def release(self):
        self.child.stdin.write(b'\n')
        self.child.stdin.flush()


@contextlib.contextmanager
def floor():
    with subprocess.Popen([os.environ['SANDBOX_PYTHON'], FLOOR], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as child:
        try:
            yield Floor(child)
        finally:
            child.kill()


def resident(process: int) -> int:
    """Resident bytes of a process."""
    with open(f'/proc/{process}/statm') as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def processor(process: int) -> float:
    """Seconds of processor time that a process has used."""
    with open(f'/proc/{process}/stat') as stat:
        fields = stat.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def wait_until_idle(process: int):
    """Wait until a process uses no processor time any more."""
    used = None
    while used is None or processor(process) - used > 0.02:
        used = processor(process)
        time.sleep(1)
