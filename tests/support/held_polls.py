"""Polls that are held while a test goes on."""

import contextlib
import json
import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor
from urllib.parse import urlsplit

# In which the sidecar holds what was sent to it, or lets go of it, on a busy machine.
SECONDS = 15


def eventually(what, seconds: float = SECONDS, pause: float = 0.02) -> float:
    """Wait until `what()` is true; returns the seconds it took. Fails the test if it does not come."""
    begun = time.monotonic()
    while not what():
        assert time.monotonic() - begun < seconds, f'not within {seconds} s'
        time.sleep(pause)
    return time.monotonic() - begun


class HeldPolls:
    """`watcher` is a session that asks the sidecar what it holds, `last` the position up to which all is known."""

    def __init__(self, watcher, last: int):
        self.watcher = watcher
        self.last = last
        self.threads = ThreadPoolExecutor(100)

    def __enter__(self) -> 'HeldPolls':
        return self

    def __exit__(self, *error):
        self.threads.shutdown()

    def now(self) -> dict:
        """What the sidecar says it holds: listening, following, cursors, greenlets."""
        return self.watcher.poll('/news/held').json()

    @property
    def polls(self) -> int:
        """How many polls wait for news."""
        held = self.now()
        return held['listening'] + held['following']

    def poll(self, session, route: str, params: dict | None = None, **more) -> Future:
        """Send a poll from a thread, on a connection of its own, and return when it is held."""
        before = self.polls
        answer = self.threads.submit(session.clone().poll, f'/news/{route}', params, **more)
        eventually(lambda: answer.done() or (self.polls > before and not self.now()['cursors']))
        assert not answer.done(), answer.result().text
        return answer

    def listen(self, session, *channels: str, **params) -> Future:
        return self.poll(session, 'listen', {'channels': channels, **params})

    def follow(self, session, channels, since: int | None = None) -> Future:
        return self.poll(session, 'follow', {'channels': channels, 'since': self.last if since is None else since})


@contextlib.contextmanager
def connection(session, url: str, route: str, params: dict):
    """A bare connection on which a poll has been sent; closed, as a closed window does, with the block."""
    if session.session_id:
        params = {**params, 'session_id': session.session_id}
    body = json.dumps(params).encode()
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port or 80), timeout=SECONDS) as sock:
        sock.sendall('\r\n'.join([
            f'POST {session.path}{route} HTTP/1.1', 'Host: 127.0.0.1', 'Content-Type: application/json',
            'Cookie: {}={}'.format(*session.cookie), f'Content-Length: {len(body)}', '', '']).encode() + body)
        yield sock
