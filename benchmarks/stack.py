"""The stack of `python3 -m sandbox run` that a benchmark measures."""

import contextlib
import http.cookiejar
import itertools
import json
import os
import resource
import shlex
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import psycopg2.extensions

from sandbox.paths import ROOT

HOST = os.environ.get('SANDBOX_HOST', '')
HOST_URL = os.environ.get('SANDBOX_HOST_URL', '')
SIDECAR = os.environ.get('SANDBOX_SIDECAR_URL', '')
NGINX = os.environ.get('SANDBOX_URL', '')

if not HOST:
    raise SystemExit('A benchmark runs in the sandbox: see benchmarks/README.rst for the command.')

PID = int(os.environ['SANDBOX_SIDECAR_PID'] or 0)
DSN = os.environ['SANDBOX_DSN']

DIRECT = urllib.request.ProxyHandler({})


class Visitor:
    """A login on the host; each is a session of its own."""

    def __init__(self):
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(DIRECT, urllib.request.HTTPCookieProcessor(self.jar))
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
        return post('/openerplongpolling' + route, '; '.join(f'{cookie.name}={cookie.value}' for cookie in self.jar),
                    {**params, **self.extra})


def post(path: str, cookies: str, params: dict) -> bytes:
    """The bytes of a request."""
    body = json.dumps(params)
    return (f'POST {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookies}\r\n'
            f'Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}').encode()


def with_since(request: bytes, since: str) -> bytes:
    """The same poll, that goes on from a position."""
    return request.replace(b'\r\n', f'\r\nX-Longpolling-Since: {since}\r\n'.encode(), 1)


def visitors(count: int) -> list[Visitor]:
    """That many sessions."""
    return [Visitor() for _ in range(count)]


def sql(statement: str) -> list[tuple]:
    """The rows that a statement gives, if it gives any; committed at once."""
    with contextlib.closing(psycopg2.connect(DSN)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []


def connections(process: int) -> int:
    """A process's connections to PostgreSQL."""
    port = f':{int(psycopg2.extensions.parse_dsn(DSN)["port"]):04X}'
    with open('/proc/net/tcp') as table:
        rows = [line.split() for line in table]
    to_postgresql = {f'socket:[{row[9]}]' for row in rows[1:] if row[2].endswith(port)}
    found = 0
    for file in Path(f'/proc/{process}/fd').iterdir():
        with contextlib.suppress(OSError):      # it was closed meanwhile
            found += os.readlink(file) in to_postgresql
    return found


def listening(url: str) -> int:
    """The process that listens on the port of this URL, on IPv4."""
    port = f':{urlsplit(url).port or 80:04X}'
    with open('/proc/net/tcp') as table:
        rows = [line.split() for line in table]
    sockets = {f'socket:[{row[9]}]' for row in rows[1:] if row[1].endswith(port) and row[3] == '0A'}
    for file in Path('/proc').glob('[0-9]*/fd/*'):
        with contextlib.suppress(OSError):
            if os.readlink(file) in sockets:
                return int(file.parts[2])
    raise SystemExit(f'No process listens for {url}.')


def host_program(path: Path, *arguments: str) -> list[str]:
    """The words that run a program with the host's Python; it gets the addon, the configuration and the database."""
    return [os.environ['SANDBOX_PYTHON'], str(path), str(ROOT / 'web_longpolling'), os.environ['SANDBOX_CONFIG'],
            os.environ['SANDBOX_DB'], *arguments]


def host_environment() -> dict[str, str]:
    """The environment variables of the host's own servers."""
    # env -i NAME=VALUE … and then the command itself
    variables = itertools.takewhile(lambda word: '=' in word, shlex.split(os.environ['SANDBOX_SIDECAR_CMD'])[2:])
    return dict(word.split('=', 1) for word in variables)


def resident(process: int) -> int:
    """Resident bytes of a process."""
    with open(f'/proc/{process}/statm') as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def processor(process: int) -> float:
    """Seconds of processor time that a process has used."""
    with open(f'/proc/{process}/stat') as stat:
        fields = stat.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def wait_until_idle(process: int, rest: Callable[[float], None] = time.sleep):
    """Wait until a process uses no processor time any more, as far as the kernel's ticks show that in 0.3 s.

    `rest` waits so many seconds; that of a Crowd of WebSockets answers their pings meanwhile.
    """
    used = None
    while used is None or processor(process) - used > 0.015:
        used = processor(process)
        rest(0.3)
