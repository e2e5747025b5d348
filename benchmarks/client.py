"""A light client: many raw sockets, one epoll loop, so that the client is not what is measured."""

import http.cookiejar
import json
import os
import resource
import select
import socket
import time
import urllib.request
from urllib.parse import urlsplit


class Visitor:
    """Logged in on the host of the sandbox's run."""

    def __init__(self):
        self.host = os.environ['SANDBOX_HOST']
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                                  urllib.request.HTTPCookieProcessor(self.jar))
        self.extra = {'session_id': 'benchmark'} if self.host == 'openerp-7.0' else {}
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

    def request(self, route: str) -> bytes:
        """The bytes of one poll."""
        cookies = '; '.join(f'{cookie.name}={cookie.value}' for cookie in self.jar)
        body = json.dumps(self.extra)
        return (f'POST /openerplongpolling{route} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookies}\r\n'
                f'Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}').encode()


class Crowd:
    """Many connections to one address, each sending the same request and waiting for its answer."""

    def __init__(self, url: str, count: int):
        parts = urlsplit(url)
        self.address = parts.hostname, parts.port
        self.epoll = select.epoll()
        self.sockets = {}
        raise_limit(count + 100)
        for number in range(count):
            # A source address carries 28,000 connections; loopback has plenty of addresses.
            source = f'127.0.{1 + number // 10000}.1', 0
            connection = socket.create_connection(self.address, 30, source)
            self.sockets[connection.fileno()] = connection
            self.epoll.register(connection, select.EPOLLIN)

    def send(self, request: bytes):
        for connection in self.sockets.values():
            connection.sendall(request)

    def gather(self, seconds: float) -> list[tuple[float, bytes]]:
        """(when, the first bytes) of every answer, until all have one or the time is over."""
        waiting, answers, deadline = set(self.sockets), [], time.monotonic() + seconds
        while waiting and time.monotonic() < deadline:
            for number, _ in self.epoll.poll(0.5, 4096):
                data = self.sockets[number].recv(65536)
                if number in waiting:
                    waiting.discard(number)
                    answers.append((time.monotonic(), data[:12]))
                if not data:
                    self.epoll.unregister(number)
        return answers

    def close(self):
        for connection in self.sockets.values():
            connection.close()
        self.epoll.close()


def raise_limit(files: int):
    """Let this process open that many files, or say that it can't."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < files:
        raise SystemExit(f'{files} open files are needed, and {hard} are allowed: raise the limit with ulimit -n.')
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, files) if hard == resource.RLIM_INFINITY else hard, hard))


def resident(process: int) -> int:
    """Resident bytes of a process."""
    with open(f'/proc/{process}/statm') as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def processor(process: int) -> float:
    """Seconds of processor time that a process has used."""
    with open(f'/proc/{process}/stat') as stat:
        fields = stat.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
