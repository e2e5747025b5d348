"""A person at a browser, as far as HTTP goes: logs in, calls models, polls.

The wire protocol of a poll stands in `web_longpolling/`; here it is spoken from the outside, by `requests`, so that
a test sees exactly what a browser would.
"""

import itertools
import json
import time
from pathlib import Path

import requests

# Longer than the default longpolling_timeout (60 s), so that the sidecar's own timeout is seen, not this one.
POLL_SECONDS = 90


class RpcError(Exception):
    """The host answered a call with an error; `error` is its JSON-RPC error object."""

    def __init__(self, error):
        super().__init__(error.get('data', {}).get('message') or error.get('data', {}).get('fault_code')
                         or error.get('message'))
        self.error = error


class LoginRefused(Exception):
    """The host did not accept login and password."""


class Session:
    """One browser session on one host. `url` is nginx's (as a browser goes) or the host's own."""

    _numbers = itertools.count(1)

    def __init__(self, host: str, url: str, db: str, path: str = '/openerplongpolling', poll_url: str | None = None):
        self.host = host
        self.url = url
        self.db = db
        self.path = path
        self.poll_url = poll_url or url
        self.http = requests.Session()
        self.http.trust_env = False         # no proxy of the machine between the test and 127.0.0.1
        self.session_id: str | None = None  # OpenERP 7.0's second level of session, None on Odoo
        self.uid: int | None = None

    def call(self, route: str, params: dict, timeout: float = 60):
        """A JSON-RPC call of the host's web client; returns its result. Raises RpcError."""
        if self.host == 'openerp-7.0' and self.session_id:
            params = {**params, 'session_id': self.session_id}
        answer = self.http.post(self.url + route, timeout=timeout, json={
            'jsonrpc': '2.0', 'method': 'call', 'id': next(self._numbers), 'params': params})
        answer.raise_for_status()
        body = answer.json()
        if 'error' in body:
            raise RpcError(body['error'])
        return body.get('result')

    def login(self, login: str = 'admin', password: str = 'admin') -> 'Session':
        """Log in; returns itself. Raises LoginRefused."""
        if self.host == 'openerp-7.0':
            self.session_id = self.call('/web/session/get_session_info', {})['session_id']
        try:
            info = self.call('/web/session/authenticate', {'db': self.db, 'login': login, 'password': password})
        except RpcError as error:
            raise LoginRefused(login) from error
        if not info.get('uid'):
            raise LoginRefused(login)
        self.uid = info['uid']
        return self

    def logout(self):
        """End the session on the host, as the web client's menu does."""
        self.call('/web/session/destroy', {})

    def rpc(self, model: str, method: str, args=(), kwargs=None):
        """Call a method of a model as the web client does; returns its result. Raises RpcError."""
        route = '/web/dataset/call_kw'
        if self.host != 'openerp-7.0':
            route += f'/{model}/{method}'
        return self.call(route, {'model': model, 'method': method, 'args': list(args), 'kwargs': kwargs or {}})

    def poll(self, route: str, params: dict | None = None, timeout: float = POLL_SECONDS, method: str = 'POST',
             url: str | None = None, **more) -> requests.Response:
        """One poll of a route, through the dispatcher unless `url` says otherwise; returns the whole response.

        `params` is the JSON object for the controller; method 'GET' sends it as `data=`. `timeout` is how many
        seconds to wait for the answer; `more` goes to requests (headers, stream, …).
        """
        params = dict(params or {})
        if self.session_id:
            params['session_id'] = self.session_id
        address = (url or self.poll_url) + self.path + route
        if method == 'GET':
            return self.http.get(address, params={'data': json.dumps(params)}, timeout=timeout, **more)
        return self.http.request(method, address, json=params, timeout=timeout, **more)

    @property
    def cookie(self) -> tuple[str, str]:
        """Name and value of the cookie that selects the session."""
        name = 'sid' if self.host == 'openerp-7.0' else 'session_id'
        return name, self.http.cookies[name]

    def clone(self) -> 'Session':
        """The same session on connections of its own: another tab, or a thread of a test."""
        other = Session(self.host, self.url, self.db, self.path, self.poll_url)
        other.session_id, other.uid = self.session_id, self.uid
        other.http.cookies.update(self.http.cookies)
        return other

    def create_user(self, login: str, password: str, **values) -> int:
        """Make an ordinary internal user (the session must be an administrator's); returns its id."""
        # No picture: OpenERP 7.0 would paint one, in a way that today's Pillow refuses.
        picture = {'image': False} if self.host == 'openerp-7.0' else {}
        user = {'name': login.title(), 'login': login, 'password': password, **picture, **values}
        return self.rpc('res.users', 'create', [user])

    def set_password(self, user: int, password: str):
        """Change another user's password, as an administrator does."""
        self.rpc('res.users', 'write', [[user], {'password': password}])

    def uninstall(self, name: str):
        """Remove a module, as an administrator does."""
        module = self.rpc('ir.module.module', 'search', [[('name', '=', name)]])
        if self.host == 'openerp-7.0':
            self.rpc('ir.module.module', 'button_uninstall', [module])
            wizard = self.rpc('base.module.upgrade', 'create', [{}])
            self.rpc('base.module.upgrade', 'upgrade_module', [[wizard]])
        else:
            self.rpc('ir.module.module', 'button_immediate_uninstall', [module])


def visit(stack, login: str | None = None, password: str | None = None) -> Session:
    """A session on this stack through nginx; logged in if a login is given (its password defaults to the login)."""
    session = Session(stack.host, stack.url, stack.db, stack.path)
    if login is None:
        return session
    return session.login(login, password or login)


def session_file(stack, session: Session) -> Path:
    """The file of the host's session store that the session's cookie names."""
    [path] = (path for path in stack.folder.path.rglob(f'*{session.cookie[1]}*') if path.is_file())
    return path


def expire(stack, session: Session):
    """End the session as the hosts let one expire: they remove its file."""
    session_file(stack, session).unlink()


def rotate(stack, session: Session) -> Session:
    """Let the host give the session a new name, as it does every few hours; returns the session of the new cookie."""
    grow_old(stack, session)
    renewed = session.clone()
    assert renewed.rpc('res.users', 'read', [[session.uid], ['login']])
    assert renewed.cookie != session.cookie
    return renewed


def grow_old(stack, session: Session):
    """Let the host rotate an Odoo session at its next request."""
    path = session_file(stack, session)
    path.write_text(json.dumps({**json.loads(path.read_text()), 'create_time': time.time() - 5 * 3600}))
