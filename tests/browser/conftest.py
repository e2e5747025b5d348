"""Real Chromium windows on a real stack of each host, through its nginx."""

import pytest
from playwright.sync_api import sync_playwright

from sandbox.commands.browser import chromium, flags
from sandbox.errors import SandboxError
from tests.browser.windows import Window
from tests.support.clients import visit

# Seconds: short, so that a test can wait for a poll that nothing answers; longer than a page takes to count as live.
TIMEOUT = 6
# Within which there is what does not wait for that.
PROMPT = 5


class Named:
    """A stack under another address than its own."""

    def __init__(self, stack, url: str):
        self._stack = stack
        self.url = url

    def __getattr__(self, attribute):
        return getattr(self._stack, attribute)


@pytest.fixture(scope='session')
def browser():
    """A headless Chromium. Pages in its back/forward cache stay there, as with a person in front of it."""
    try:
        program = chromium()
    except SandboxError as problem:
        pytest.fail(str(problem), pytrace=False)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=flags(),
                                             ignore_default_args=['--disable-back-forward-cache'])
        yield running
        running.close()


@pytest.fixture(scope='session')
def site(host, up):
    """The stack of the browser tests on this host; `site.admin` is the administrator's session."""
    with up(host, install=('longpolling_demo', 'longpolling_browser', 'web_longpolling_live'),
            options={'longpolling_timeout': TIMEOUT}, sidecar_args=['--max-cursor=2']) as stack:
        stack.admin = visit(stack, stack.login, stack.password)
        for login in ('ann', 'bob'):
            stack.admin.create_user(login, login)
        yield stack


@pytest.fixture(scope='session')
def cookies(browser, site):
    """`cookies(login)`: what a browser keeps of a login. One for each user; a test that logs out logs in anew."""
    kept = {}

    def cookies_of(login):
        if login not in kept:
            context = browser.new_context()
            Window(context, site).log_in(login)
            kept[login] = context.storage_state()
            context.close()
        return kept[login]
    return cookies_of


def moved(state, name):
    """What a browser keeps of a login, for the same site by another name."""
    origins = [{**origin, 'origin': origin['origin'].replace('127.0.0.1', name)} for origin in state['origins']]
    return {'cookies': [{**cookie, 'domain': name} for cookie in state['cookies']], 'origins': origins}


@pytest.fixture
def windows(request, browser, site, cookies):
    """`windows()` is an empty window of a browser of its own, logged in as admin or as `login`.

    `windows(beside=window)` is another tab of that browser; `windows(anew=True)` has a session that no other window
    has. NAME of the test's module is the name by which they go to the site, such as 'erp.test': for a browser, a page
    over plain http from anywhere, while 127.0.0.1 counts as secure. At the end no console may have complained of
    anything that the test did not expect.
    """
    contexts, opened = [], []
    name = getattr(request.module, 'NAME', '127.0.0.1')

    def window(login='admin', beside=None, anew=False):
        context = beside.context if beside else browser.new_context(
            viewport={'width': 1280, 'height': 800}, storage_state=None if anew else moved(cookies(login), name))
        if not beside:
            contexts.append(context)
        opened.append(Window(context, Named(site, site.url.replace('127.0.0.1', name))))
        return opened[-1].log_in(login) if anew else opened[-1]

    yield window
    for context in contexts:
        context.close()
    complaints = [(index, complaint) for index, one in enumerate(opened) for complaint in one.complaints()]
    assert not complaints


@pytest.fixture
def tell(site):
    """`tell(payload)`: publish on the channel of the test controllers, or on another, in a transaction of the host."""
    return lambda payload, channel='browser': site.admin.rpc('longpolling.browser', 'tell', [payload, channel])


@pytest.fixture
def post(site):
    """`post(text)`: write a note on the wall as the administrator, through the host's ordinary RPC."""
    return lambda text: site.admin.rpc('longpolling.demo.note', 'create', [{'text': text}])
