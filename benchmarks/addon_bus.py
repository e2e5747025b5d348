"""The addon web_longpolling_bus, as a peer: browsers that follow Odoo's bus as its `static/src/socket.js` does."""

import collections
import contextlib
import json
import secrets
from collections.abc import Generator, Iterator
from typing import NamedTuple

from . import odoo_bus, peers, stack
from .client import Answer, Crowd, converse
from .sessions import Session

MESSAGES = '/web_longpolling_bus/messages'
OPEN = '/web_longpolling_bus/open'
# Requests at a time, when many are to be held: the host has two cores, like this machine.
AT_A_TIME = 8
# And one after the other on one connection: nginx closes it after a thousand requests.
TOGETHER = 2000
# Seconds that all of them may take.
ENTERING = 600
# Seconds between two renewals of a browser; web_longpolling_bus.renewal of the addon.
RENEWAL = 120
RENEWALS = 50


class Browser(NamedTuple):
    """One that has subscribed. `name` is what it calls its connection."""

    session: Session
    name: str
    ticket: str
    position: str

    def poll(self, since: str | None = None) -> bytes:
        return stack.with_since(self.first_poll(), since or self.position)

    def first_poll(self) -> bytes:
        return self.session.request(MESSAGES, ticket=self.ticket)

    def renewal(self) -> bytes:
        return self.session.call('/web_longpolling_bus/renew', {
            'name': self.name, 'ticket': self.ticket, 'uid': self.session.uid})


class AddonBus(peers.Sidecar):
    """A poll a client, after `open` at the sidecar and `subscribe` at the host.

    host: the process id of the host
    browsers: those of the last `hold_new`, in the order of its connections
    """

    name = 'web_longpolling_bus'

    def __init__(self, pid: int, url: str, teller: odoo_bus.Teller):
        super().__init__(pid, url)
        self.teller = teller
        self.host = stack.listening(stack.HOST_URL)
        self.browsers: list[Browser] = []

    def hold_new(self, crowd: Crowd, sessions):
        """A browser more for each session. It connects to the sidecar when all have subscribed: that ends connections
        that are idle for a minute."""
        before = self.held()
        self.browsers = self.subscribed(sessions)
        crowd.grow(len(sessions))
        self._poll(crowd, [browser.poll() for browser in self.browsers], before)

    def _poll(self, crowd: Crowd, polls: list[bytes], before: int):
        crowd.send(polls)
        try:
            self.wait_until_held(before + len(crowd))
        except SystemExit as problem:
            answers = crowd.gather(1)
            statuses = collections.Counter(answer.status for answer in answers)
            raise SystemExit(f'{problem} By status they were answered: {dict(statuses)}; the first of them with '
                             f'{answers[0].received[:1000] if answers else b""!r}.') from None

    def hold_more(self, crowd: Crowd, sessions, seconds: float) -> int:
        """As many of them as it takes, beside those who are held; how many are held then."""
        wanted = self.held() + len(sessions)
        with contextlib.suppress(SystemExit):
            browsers = self.subscribed(sessions)
            for connection, browser in zip(crowd.grow(len(browsers)), browsers, strict=True):
                crowd.send_on(connection, browser.poll())
            self.wait_until_held(wanted, seconds)
        return self.held()

    def subscribed(self, sessions) -> list[Browser]:
        """A browser for each session. To the host it goes through nginx, and so does its first question to the sidecar.
        """
        browsers: list[Browser] = []
        for begin in range(0, len(sessions), TOGETHER):
            with Crowd(stack.NGINX, AT_A_TIME) as way:
                entered = converse(way, self.entering(sessions[begin:begin + TOGETHER]), AT_A_TIME, ENTERING,
                                   again=True)
            browsers += [browser for _, browser in sorted(entered.items()) if browser]
        if len(browsers) != len(sessions):
            raise SystemExit(f'Of {len(sessions)} browsers {len(browsers)} have subscribed.')
        return browsers

    def held_again(self, crowd: Crowd, sessions):
        before = self.held()
        since = self.answered_at(self.browsers[0].first_poll())
        self._poll(crowd, [browser.poll(since) for browser in self.browsers], before)

    def entering(self, sessions) -> Iterator[Generator[bytes, Answer, Browser | None]]:
        """What each browser sends until it can poll, for `client.converse`; the Browser, or None if it was refused."""
        return (self._enter(session) for session in sessions)

    @staticmethod
    def _enter(session: Session) -> Generator[bytes, Answer, Browser | None]:
        answer = yield session.request(OPEN)
        if answer.status != 200:
            return None
        name = secrets.token_hex(16)
        answer = yield session.call('/web_longpolling_bus/subscribe', {'name': name, 'channels': [], 'last': 0})
        said = json.loads(answer.body).get('result', {}) if answer.status == 200 else {}
        return Browser(session, name, said['ticket'], said['position']) if 'ticket' in said else None

    def tell(self, users=None) -> float:
        """One `_sendone`, to all who are connected; or one to each of these users, in one transaction."""
        return self.teller.ask('broadcast' if users is None else 'users', *(users or ()))

    def renewing(self) -> float:
        """Seconds of the host's processor that a renewal takes."""
        self._renew_each()      # each thread of the host has seen the route
        used = stack.processor(self.host)
        count = self._renew_each()
        return (stack.processor(self.host) - used) / count

    def _renew_each(self) -> int:
        def renew(browser: Browser) -> Generator[bytes, Answer, Answer]:
            return (yield browser.renewal())
        some = self.browsers[:RENEWALS]
        with Crowd(stack.NGINX, 1) as way:
            answers = converse(way, map(renew, some), 1, ENTERING, again=True)
        if not all(json.loads(answer.body).get('result') == {'renewed': True} for answer in answers.values()):
            raise SystemExit('A browser could not renew its ticket.')
        return len(answers)


@contextlib.contextmanager
def addon_bus() -> Iterator[AddonBus]:
    """A sidecar that has just been started, and browsers that follow the bus by it."""
    # It reads what was published lately, at some poll after the first ones: 8,000 events of earlier rounds are 7 KiB
    # more for each of 1,000 clients.
    stack.sql('DELETE FROM longpolling_event')
    with peers.sidecar() as (sidecar, _), odoo_bus.tells() as teller, \
            contextlib.closing(AddonBus(sidecar.pid, sidecar.url, teller)) as bus:
        yield bus
