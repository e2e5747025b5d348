"""People in Discuss: what they type, and what they see of the others."""

import contextlib
import re
import time

import requests
from playwright.sync_api import Error

from tests.support.clients import Session, visit
from tests.support.sql import sql

MESSAGES = '/web_longpolling_bus/messages'
INPUT = '.o-mail-Composer-input'
# Milliseconds, on a busy machine.
PATIENCE = 60000
# For what is to be seen for some 5 s, and after which it is begun again.
TYPING = 10000
# Debian's package of Odoo lacks that file.
EXPECTED = [r'selfie_segmentation', r'WebSocket connection to', r'Failed to load resource', r'net::ERR_']


class Person:
    """A browser of a user or, without a login, of a guest; `errors` are what its consoles complained of.

    shared  whether it has shared workers
    """

    def __init__(self, site, browser, login: str | None, shared: bool = True):
        self.site = site
        self.login = login
        self.errors: list[str] = []
        self.context = browser.new_context(viewport={'width': 1200, 'height': 800})
        if not shared:
            self.context.add_init_script('Object.defineProperty(window, "SharedWorker", {value: undefined})')
        self.session: Session | None = None
        if login:
            self.log_in(login)
        self.page = self.new_page()

    def log_in(self, login: str):
        """Be that user from now on, in whatever pages are open: as if he had logged in in another tab."""
        self.session = visit(self.site.stack, login)
        self.context.add_cookies([{'name': 'session_id', 'value': self.session.cookie[1], 'url': self.site.stack.url}])

    def new_page(self):
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on('console', lambda said: said.type == 'error' and self.errors.append(said.text))
        page.on('pageerror', lambda error: self.errors.append(str(error)))
        return page

    def complaints(self) -> list[str]:
        return [error for error in self.errors if not any(re.search(each, error) for each in EXPECTED)]

    def open(self, channel: int | None = None, page=None) -> 'Person':
        """Open the channel, or as a guest accept the invitation to it; wait until he may write."""
        page = page or self.page
        if self.login:
            page.goto(f'{self.site.stack.url}/odoo/action-mail.action_discuss'
                      f'?active_id=discuss.channel_{channel or self.site.channel}')
        else:
            page.goto(self.site.stack.url + self.site.invitation)
            page.wait_for_selector(f'{INPUT}, button:has-text("Join")')
            if page.locator('button:has-text("Join")').count():
                page.click('button:has-text("Join")')
        page.wait_for_selector(INPUT)
        return self

    def say(self, text: str):
        self.page.fill(INPUT, text)
        self.page.press(INPUT, 'Enter')

    def types_before(self, name: str, *others: 'Person') -> list[float]:
        """Begin to type until the others see it; returns the seconds each of them took, one after the other.

        Odoo says it once, takes it back 5 s after the last key, and loses it where the server must begin its request
        anew too often. Who types on is seen the next time.
        """
        def once(patience: float) -> list[float]:
            self.page.locator(INPUT).press_sequentially('I am', delay=50)
            return [one._waits_for(f'.o-discuss-Typing:has-text("{name}")', patience) for one in others]
        for _ in range(2):
            with contextlib.suppress(Error):
                return once(TYPING)
        return once(PATIENCE)

    def sees(self, text: str, page=None) -> float:
        """Wait until a message is there, once; returns the seconds it took."""
        begun = time.monotonic()
        message = (page or self.page).locator('.o-mail-Message', has_text=text)
        message.first.wait_for()
        assert message.count() == 1
        return time.monotonic() - begun

    def sees_member(self, name: str, status: str) -> float:
        """Wait until the list of members says that he is 'Online' or 'Offline', whatever he types; returns the seconds.

        Odoo may show "is typing" for a minute after a message: two requests say so and take it back, in no order.
        """
        offline = '.o-offline' if status == 'Offline' else ':not(.o-offline)'
        return self._waits_for(f'.o-discuss-ChannelMember{offline}:has-text("{name}")')

    def sees_unread(self, name: str, number: int) -> float:
        """Wait until the sidebar says that so many messages of this conversation are not read; returns the seconds."""
        chat = f'.o-mail-DiscussSidebarChannel:has-text("{name}")'
        return self._waits_for(f'{chat} .o-innerBadge:text-is("{number}")' if number else
                               f'{chat}:not(:has(.o-mail-DiscussSidebar-badge))')

    def _waits_for(self, selector: str, patience: float = PATIENCE) -> float:
        begun = time.monotonic()
        self.page.wait_for_selector(selector, timeout=patience)
        return time.monotonic() - begun

    def leave(self):
        """Close all tabs as a person does: they say good-bye.

        The browser stays: to close a context kills what its pages have sent a moment ago and is still on its way.
        """
        for page in list(self.context.pages):
            with page.expect_event('close'):
                page.close(run_before_unload=True)


class Site:
    """A stack with a channel that ann and bob are in, and guests are invited to."""

    def __init__(self, stack, proxy):
        self.stack = stack
        self.proxy = proxy
        self.admin = admin = visit(stack, stack.login, stack.password)
        users = [admin.create_user(login, login) for login in ('ann', 'bob')]
        self.partners = [each['partner_id'][0] for each in admin.rpc('res.users', 'read', [users, ['partner_id']])]
        [self.channel] = admin.rpc('discuss.channel', 'create', [[{'name': 'Open', 'channel_type': 'channel'}]])
        admin.rpc('discuss.channel', 'write', [[self.channel], {'group_public_id': False}])
        admin.rpc('discuss.channel', 'add_members', [[self.channel]], {'partner_ids': self.partners})
        [read] = admin.rpc('discuss.channel', 'read', [[self.channel], ['invitation_url']])
        self.invitation = re.sub(r'^https?://[^/]+', '', read['invitation_url'])

    def miss_whoever_was_killed(self):
        """Take those for gone at once that have said no good-bye; otherwise that takes five minutes."""
        sql(self.stack, "DELETE FROM web_longpolling_bus_connection")

    def polls(self) -> list[dict]:
        """The polls for messages that the sidecars hold."""
        held: list[dict] = []
        for sidecar in self.stack.sidecars:
            if sidecar.pid:
                held += requests.get(sidecar.url + '/polls', timeout=10).json()
        return [poll for poll in held if poll['route'].endswith(MESSAGES)]

    def post(self, text: str, channel: int | None = None, session: Session | None = None) -> int:
        """A message by RPC, whatever becomes of browsers; its id."""
        [number] = (session or self.admin).rpc('discuss.channel', 'message_post', [[channel or self.channel]], {
            'body': text, 'message_type': 'comment', 'subtype_xmlid': 'mail.mt_comment'})
        return number
