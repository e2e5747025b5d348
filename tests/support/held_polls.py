"""Polls that are held while a test goes on."""

import contextlib
import json
import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor
from urllib.parse import urlsplit

import requests

from .pages import SINCE, Page, following

# In which the sidecar holds what was sent to it, or lets go of it, on a busy machine.
SECONDS = 15


def eventually(what, seconds: float = SECONDS, pause: float = 0.02) -> float:
    """Wait until `what()` is true; returns the seconds it took. Fails the test if it does not come."""
    begun = time.monotonic()
    while not what():
        assert time.monotonic() - begun < seconds, f'not within {seconds} s'
        time.sleep(pause)
    return time.monotonic() - begun


def held_on(stack, path: str) -> list[dict]:
    """A row of /polls for each that the stack's sidecars hold on routes that begin like `path`, such as '/wall'."""
    held = []
    for sidecar in stack.sidecars:
        if sidecar.pid:
            held += requests.get(sidecar.url + '/polls', timeout=10).json()
    return [poll for poll in held if poll['route'].startswith(stack.path + path)]


class HeldPolls:
    """`watcher` is a session that asks the sidecar what it holds."""

    def __init__(self, watcher):
        self.watcher = watcher
        self.threads = ThreadPoolExecutor(100)

    def __enter__(self) -> 'HeldPolls':
        return self

    def __exit__(self, *error):
        self.threads.shutdown()

    def now(self) -> dict:
        """What the sidecar says it holds: following, cursors, greenlets."""
        return self.watcher.poll('/news/held').json()

    @property
    def polls(self) -> int:
        """How many polls wait for news."""
        return self.now()['following']

    def hold(self, page: Page) -> Future:
        """Send a page's poll from a thread, and return when it is held."""
        before = self.polls
        answer = self.threads.submit(page.poll)
        eventually(lambda: answer.done() or (self.polls > before and not self.now()['cursors']))
        assert not answer.done(), answer.result().text
        return answer

    def wait(self, session, *channels: str, **params) -> Future:
        """A page that waits for these channels, held by its second poll."""
        page = Page(session.clone(), '/news/wait', {'channels': channels})
        assert page.answer() == []
        page.params.update(params)
        return self.hold(page)

    def follow(self, session, *channels: str) -> Future:
        """A page that follows these channels, held by its second poll."""
        return self.hold(following(session.clone(), *channels))


@contextlib.contextmanager
def connection(session, url: str, route: str, params: dict, position: str | None = None):
    """A bare connection on which a poll has been sent; closed, as a closed window does, with the block."""
    if session.session_id:
        params = {**params, 'session_id': session.session_id}
    body = json.dumps(params).encode()
    since = [f'{SINCE}: {position}'] if position else []
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port or 80), timeout=SECONDS) as sock:
        sock.sendall('\r\n'.join([
            f'POST {session.path}{route} HTTP/1.1', 'Host: 127.0.0.1', 'Content-Type: application/json',
            'Cookie: {}={}'.format(*session.cookie), *since, f'Content-Length: {len(body)}', '', '']).encode() + body)
        yield sock
