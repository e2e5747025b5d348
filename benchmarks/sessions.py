"""Sessions of many users, made by the host's own code in one process instead of by as many logins."""

import functools
import json
import subprocess

from sandbox.paths import ROOT
from sandbox.run import privilege

from . import stack

MAKER = ROOT / 'benchmarks' / 'make_sessions.py'


class Session:
    """One of the sessions that were made, as `stack.Visitor` is one of a login."""

    def __init__(self, cookie: list[str], extra: dict, uid: int):
        self.cookie = '='.join(cookie)
        self.extra = extra
        self.uid = uid

    def request(self, route: str, **params) -> bytes:
        """The bytes of one poll."""
        return stack.post('/openerplongpolling' + route, self.cookie, {**params, **self.extra})

    def call(self, route: str, params: dict) -> bytes:
        """The bytes of a JSON-RPC call of the web client."""
        return stack.post(route, self.cookie, {'jsonrpc': '2.0', 'method': 'call', 'id': 1,
                                               'params': {**params, **self.extra}})


@functools.cache
def make_sessions(count: int, users: int) -> list[Session]:
    """That many sessions of that many users, by the host's own code in one process with the rights of its servers.

    Whoever asks for as many again gets the same ones.
    """
    made = subprocess.run(privilege.drop(stack.host_program(MAKER, str(count), str(users))),
                          env=stack.host_environment(), stdout=subprocess.PIPE, check=True, text=True).stdout
    return [Session(**json.loads(line)) for line in made.splitlines()]
