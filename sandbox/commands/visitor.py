"""A person at a browser, for the demo: logs in, calls a model, holds a poll. Standard library alone."""

import http.client
import http.cookiejar
import json
import urllib.error
import urllib.request

from ..errors import SandboxError


class Refused(SandboxError):
    """A server did not do what the demo asked for; the message says which and why."""


class Visitor:
    """One browser session, through nginx, on a host of the sandbox.

    The two hosts differ in one thing: OpenERP 7.0 wants the id of the web session beside its cookie, in every call.
    """

    def __init__(self, stack):
        self.stack = stack
        self.session_id = None
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        # No proxy of the machine may come between the demo and 127.0.0.1.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)

    def login(self, login: str, password: str) -> 'Visitor':
        if self.stack.host == 'openerp-7.0':
            self.session_id = self._call('/web/session/get_session_info', {})['session_id']
        info = self._call('/web/session/authenticate', {'db': self.stack.db, 'login': login, 'password': password})
        if not info.get('uid'):
            raise Refused(f'{self.stack.host} did not let {login} log in.')
        return self

    def rpc(self, model: str, method: str, *args, **kwargs):
        """Call a method of a model as the web client does."""
        route = '/web/dataset/call_kw'
        if self.stack.host != 'openerp-7.0':
            route += f'/{model}/{method}'
        return self._call(route, {'model': model, 'method': method, 'args': args, 'kwargs': kwargs})

    def create_user(self, login: str, password: str):
        """Make an ordinary user, as an administrator does."""
        # No picture: OpenERP 7.0 would paint one, in a way that today's Pillow refuses.
        self.rpc('res.users', 'create', {'name': login.title(), 'login': login, 'password': password, **(
            {'image': False} if self.stack.host == 'openerp-7.0' else {})})

    def poll(self, route: str, position: str | None = None, seconds: float = 90):
        """Hold one poll; returns (status, answer, position), the answer None if there was none."""
        since = {} if position is None else {'X-Longpolling-Since': position}
        status, body, headers = self._post(self.stack.path + route, {}, seconds, since)
        return status, json.loads(body) if body else None, headers['X-Longpolling-Position']

    def _call(self, route, params):
        _, body, _ = self._post(route, {'jsonrpc': '2.0', 'method': 'call', 'id': 1, 'params': params}, 60)
        answer = json.loads(body)
        if 'error' in answer:
            data = answer['error'].get('data', {})
            reason = data.get('message') or data.get('fault_code') or answer['error'].get('message')
            raise Refused(f'{self.stack.host} refused {route}: {reason}')
        return answer.get('result')

    def _post(self, route, content, seconds, headers=None):
        if self.session_id:
            inner = content.get('params', content)
            inner['session_id'] = self.session_id
        request = urllib.request.Request(self.stack.url + route, json.dumps(content).encode(),
                                         {'Content-Type': 'application/json', **(headers or {})})
        try:
            with self._opener.open(request, timeout=seconds) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors='replace')[:300]
            raise Refused(f'{route} was answered with {error.code} {error.reason}: {said}') from None
        except (OSError, http.client.HTTPException) as error:
            raise Refused(f'{route} got no answer: {error}') from None
