"""A laptop is closed and opened again: all processes of a Chromium stand still meanwhile, and its connections die.

What stands still here is the browser alone: its clocks go on. That a timer of a machine that sleeps goes on from where
it was is left to tests/js, which hold the clock in their hands.
"""

import signal
import time
import uuid
from contextlib import contextmanager, suppress
from os import kill
from pathlib import Path

import pytest

from sandbox.commands.browser import chromium, flags
from tests.browser.conftest import TIMEOUT, Named
from tests.browser.test_tabs import follow, heard
from tests.browser.windows import Window
from tests.support.held_polls import eventually
from tests.support.mute_proxy import MuteProxy

# Seconds: longer than the sidecar holds a poll, than a request may take (10 s more), and than what the hub takes for a
# busy machine (SLEPT in hub.js).
SLEEP = 33
# Within which a page that woke has what was sent meanwhile: a tick of the hub, and what a busy machine takes.
SOON = 15

ALONE = 'delete globalThis.SharedWorker'


def stat(pid: int) -> tuple[str, int]:
    """The state and the parent of a process, of /proc/PID/stat; ('X', 0) if it is gone."""
    try:
        state, parent = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return 'X', 0
    return state, int(parent)


def tree(root: int) -> list[int]:
    """A process and all that came from it."""
    parents = {int(folder.name): stat(int(folder.name))[1] for folder in Path('/proc').glob('[0-9]*')}
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def tell_all(pids: list[int], number: int):
    for pid in pids:
        with suppress(ProcessLookupError):
            kill(pid, number)


class Laptop:
    """A Chromium of its own that can be put to sleep."""

    def __init__(self, playwright_browser):
        mark = f'--sleeper={uuid.uuid4()}'
        self.browser = playwright_browser.browser_type.launch(executable_path=chromium(), args=[*flags(), mark])
        [self.pid] = [int(folder.name) for folder in Path('/proc').glob('[0-9]*') if is_browser(folder, mark)]

    @contextmanager
    def asleep(self):
        """All its processes stand still. Nothing may be asked of its pages meanwhile."""
        pids: list[int] = []
        try:
            while new := [pid for pid in tree(self.pid) if pid not in pids]:
                tell_all(new, signal.SIGSTOP)
                pids += new
            eventually(lambda: all(stat(pid)[0] in 'TZX' for pid in pids))
            yield
        finally:
            tell_all(pids[::-1], signal.SIGCONT)


def is_browser(folder: Path, mark: str) -> bool:
    try:
        words = (folder / 'cmdline').read_text().split('\0')
    except (FileNotFoundError, ProcessLookupError):
        return False
    return mark in words and not any(word.startswith('--type=') for word in words)


@pytest.fixture
def laptop(browser):
    one = Laptop(browser)
    yield one
    one.browser.close()


def test_after_a_sleep_every_page_has_what_was_sent_meanwhile_once_and_within_seconds(laptop, site, tell):
    """With a SharedWorker and without one; the connection is silent ever since, or was cut; plain http, by a name."""
    with MuteProxy(site.nginx.dispatch.port) as silent, MuteProxy(site.nginx.dispatch.port) as cut:
        pages = {}
        for way, proxy in (('silent', silent), ('cut', cut)):
            context = laptop.browser.new_context()
            shared = Window(context, Named(site, f'http://erp.test:{proxy.port}')).log_in('ann')
            alone = Window(context, shared.stack)
            alone.page.add_init_script(ALONE)
            for name, window in (('shared', shared), ('alone', alone)):
                window.expect('ERR_', '502')
                follow(window, 'one')
                pages[way, name] = window
        tell('before', 'one')
        for window in pages.values():
            window.wait_for(lambda window=window: heard(window, 'one') == ['before'])
        # Each has asked again. Pages with the same position are one poll, if one hub sends them.
        pages['cut', 'alone'].wait_for(lambda: held(pages['cut', 'alone']) == len(pages))

        with laptop.asleep():
            for proxy in (silent, cut):
                proxy.close_others(b'/channel/one')     # as a browser itself does when the machine goes to sleep
            silent.forget()
            cut.close_others(b'nothing at all')
            tell('while it slept', 'one')
            begun = time.monotonic()
            site.stop_sidecar(signal.SIGTERM)
            site.start_sidecar()
            tell('and once more', 'one')
            time.sleep(SLEEP - (time.monotonic() - begun))

        for window in pages.values():
            window.wait_for(lambda window=window: 'and once more' in heard(window, 'one'), SOON)
        tell('after', 'one')
        for window in pages.values():
            window.wait_for(lambda window=window: 'after' in heard(window, 'one'), TIMEOUT)
            assert heard(window, 'one') == ['before', 'while it slept', 'and once more', 'after']
            assert window.complaints() == []
        for way, errors in (('silent', [[]]), ('cut', [[], [[0, 'error']]])):
            for name in ('shared', 'alone'):
                assert pages[way, name].told('one')['errors'] in errors
        for (_, name), window in pages.items():
            assert len([text for text in window.warnings if 'not shared between tabs' in text]) == (name == 'alone')


def held(window) -> int:
    return len(window.held_on('/channel'))
