"""A person in front of a browser window: logs in, looks at the wall, opens more tabs."""

import re
import time

from tests.support.held_polls import held_on

# Milliseconds that the page may take for what a person sees at once; two slow cores serve host and browser.
PATIENCE = 30000

LOGIN_FORM = {
    'openerp-7.0': ('/?db={db}', 'button[name=submit]'),
    'odoo-19.0': ('/web/login?db={db}', 'button[type=submit]'),
}

# True in the web client, false in its login page.
LOGGED_IN = {
    'openerp-7.0': 'openerp.instances.instance0.session.uid && document.querySelector(".oe_menu a")',
    'odoo-19.0': 'odoo.loader.modules.get("@web_longpolling/longpolling")',
}

# Where a page finds the class and the session. Everything else is the same on both hosts.
CLIENT = {
    'openerp-7.0': '() => { const { web, session } = openerp.instances.instance0; return [web.LongPolling, session] }',
    'odoo-19.0': """() => ["@web_longpolling/longpolling", "@web/session"].map(
        (name) => odoo.loader.modules.get(name)).map((module) => module.LongPolling || module.session)""",
}

# What OpenERP 7.0's client has in its address for a page. Odoo 19.0 has a path, which the addons declare.
ACTIONS = {'Wall': 'longpolling_demo.wall', 'Sample': 'longpolling_browser.sample',
           'Hooked': 'longpolling_browser.hooked'}

# `polls.start(name, path, params)` in the page: a LongPolling whose callbacks record their arguments.
POLLS = """([make]) => {
    const [LongPolling, session] = eval(make)();
    window.polls = {
        start(name, path, params) {
            const lp = new LongPolling();
            const told = { lp, answers: [], errors: [], states: [] };
            window.polls[name] = told;
            lp.onstate = (state) => told.states.push(state.name);
            lp.start_longpolling(session, path, params,
                (answer) => { told.answers.push(answer); },
                (xhr, status) => { told.errors.push([xhr.status, status]); });
        },
    };
}"""

# OpenERP 7.0 saves the whole session after each request: one of another tab that is still under way when the user logs
# out brings the login back. Until it stays away, it is ended once more.
STAY_OUT = """async (number) => {
    const call = async (method) => (await (await fetch(`/web/session/${method}`, {
        method: "POST", headers: {"Content-Type": "application/json"},
        body: JSON.stringify({jsonrpc: "2.0", method: "call", params: {session_id: number}})})).json()).result;
    for (let away = 0; away < 4; away++) {
        await new Promise((resolve) => setTimeout(resolve, 250));
        if ((await call("get_session_info")).uid) {
            await call("destroy");
            away = 0;
        }
    }
}"""

# OpenERP 7.0's own login page asks for a style sheet that its packages on PyPI do not hold.
ALWAYS_EXPECTED = [r'/web/static/src/css/full\.css']


class Window:
    """One tab. `errors` are what its console complained of.

    Its polls are sent by the hub that all tabs share, and neither the tab nor Playwright sees them: what is held, the
    sidecar says.
    """

    def __init__(self, context, stack):
        self.stack = stack
        self.context = context
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.errors: list[str] = []
        self.warnings: list[str] = []
        self.expected = list(ALWAYS_EXPECTED)
        self.page.on('console', self._hear)
        self.page.on('pageerror', lambda error: self.errors.append(str(error)))

    # What it sees

    def _hear(self, message):
        if message.type == 'error':
            self.errors.append(f'{message.text} ({message.location.get("url", "")})')
        elif message.type == 'warning':
            self.warnings.append(message.text)

    def held_on(self, path: str) -> list[dict]:
        """The polls on routes that begin like this, such as '/wall', that the sidecars hold for any window."""
        return held_on(self.stack, path)

    def expect(self, *patterns: str):
        """This test makes the console complain of what matches these."""
        self.expected += patterns

    def complaints(self) -> list[str]:
        """What the console complained of, without what was expected."""
        return [error for error in self.errors if not any(re.search(pattern, error) for pattern in self.expected)]

    # What it does

    def log_in(self, login: str, password: str | None = None) -> 'Window':
        """Log in by the form of the login page, and wait for the web client."""
        address, button = LOGIN_FORM[self.stack.host]
        self.page.goto(self.stack.url + address.format(db=self.stack.db))
        # OpenERP 7.0 empties the field when it has asked for the databases.
        self.page.wait_for_load_state('networkidle')
        self.page.fill('input[name=login]', login)
        self.page.fill('input[name=password]', password or login)
        self.page.click(button)
        self.wait_until(LOGGED_IN[self.stack.host])
        return self

    def log_out(self) -> 'Window':
        """Log out by the menu of the web client, or by its address."""
        if self.stack.host == 'openerp-7.0':
            self.page.goto(f'{self.stack.url}/?db={self.stack.db}')
            self.page.wait_for_load_state('networkidle')
            number = self.page.evaluate('openerp.instances.instance0.session.session_id')
            self.page.click('.oe_user_menu')
            self.page.click('.oe_user_menu a:has-text("Log out")')
            self.page.wait_for_selector('input[name=login]')
            self.page.evaluate(STAY_OUT, number)
        else:
            self.page.goto(f'{self.stack.url}/web/session/logout')
        return self

    def enter(self) -> 'Window':
        """Open the web client, being logged in already."""
        self.page.goto(self.stack.url + {'openerp-7.0': f'/?db={self.stack.db}', 'odoo-19.0': '/odoo'}[self.stack.host])
        self.wait_until(LOGGED_IN[self.stack.host])
        return self

    def open(self, action: str) -> 'Window':
        """Open a page of the web client by its address: 'Wall', 'Sample' or 'Hooked'."""
        if self.stack.host == 'openerp-7.0':
            # Entered without an action the client opens the first menu by itself, and a click on a menu comes before
            # or after that: the page that is seen first may be replaced. A change of the fragment alone loads nothing.
            self.page.goto('about:blank')
            self.page.goto(f'{self.stack.url}/?db={self.stack.db}#action={ACTIONS[action]}')
            self.wait_until(LOGGED_IN[self.stack.host])
        else:
            self.page.goto(f'{self.stack.url}/odoo/{action.lower()}')
        return self

    def open_wall(self) -> 'Window':
        """Open the wall, and wait until it is live."""
        self.open('Wall').page.wait_for_selector('.lpd_state[data-state=live]')
        return self

    def write(self, text: str):
        """Write a note and press Enter."""
        self.page.fill('.lpd_text', text)
        self.page.press('.lpd_text', 'Enter')

    def notes(self) -> list[str]:
        """The notes on the wall, the oldest first."""
        return self.page.locator('.lpd_said').all_inner_texts()[::-1]

    def wait_for_note(self, text: str, seconds: float = PATIENCE / 1000):
        self.page.locator('.lpd_said', has_text=text).first.wait_for(timeout=seconds * 1000)

    def wait_for_state(self, name: str, seconds: float = PATIENCE / 1000):
        self.page.wait_for_selector(f'.lpd_state[data-state={name}]', timeout=seconds * 1000)

    # Polls without the wall

    def start_poll(self, name: str, path: str, params: dict | None = None):
        """Start a LongPolling of this page; what its callbacks got is in `told(name)`."""
        if self.page.url == 'about:blank':
            self.enter()
        if not self.page.evaluate('() => Boolean(window.polls)'):
            self.page.evaluate(POLLS, [CLIENT[self.stack.host]])
        self.page.evaluate('([name, path, params]) => polls.start(name, path, params)', [name, path, params or {}])

    def stop_poll(self, name: str):
        self.page.evaluate('(name) => polls[name].lp.stop_longpolling()', name)

    def told(self, name: str) -> dict:
        return self.page.evaluate(
            '(name) => ({answers: polls[name].answers, errors: polls[name].errors, states: polls[name].states})', name)

    def wait_until(self, expression: str, seconds: float = PATIENCE / 1000):
        """Wait until a JavaScript expression is true; it may name what does not exist yet."""
        self.page.wait_for_function(
            '(expression) => { try { return Boolean(eval(expression)) } catch (error) { return false } }',
            arg=expression, timeout=seconds * 1000)

    def wait_for(self, condition, seconds: float = PATIENCE / 1000, what: str = ''):
        """Wait until `condition()` of the test is true; events of the page go on meanwhile."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f'not within {seconds} s: {what or condition}'
            self.page.wait_for_timeout(50)
