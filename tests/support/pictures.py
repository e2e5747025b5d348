"""Make the pictures of README.rst and the icons: `.sandbox/tools/environment/bin/python -m tests.support.pictures`.

    doc/pictures/wall-odoo.png, wall-openerp.png    the demo on each host: Ann's window and Bob's, in real Chromium
    static/description/icon.png of each addon       of icon.svg beside it, for Odoo's list of apps
    static/src/img/icon.png                         the same, where OpenERP 7.0 looks for it

It takes some two minutes. Look at what it made before you commit it.
"""

import base64
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from sandbox.commands.browser import chromium, flags
from sandbox.paths import ROOT
from sandbox.running import running
from tests.browser.windows import Window
from tests.support.clients import visit

PICTURES = ROOT / 'doc' / 'pictures'
ADDONS = [ROOT / name for name in ('web_longpolling', 'web_longpolling_bus', 'web_longpolling_live')]
# CSS pixels of a window, and of a side of the icon. OpenERP's is so narrow that the demo has all of it.
WINDOWS = {'odoo-19.0': {'width': 600, 'height': 620}, 'openerp-7.0': {'width': 470, 'height': 640}}
ICON = 128
CONVERSATION = (('ann', 'The parcel for the second floor is here.'), ('bob', 'Thank you, I am on my way.'),
                ('ann', 'Coffee is ready, too.'))

# Two windows beside each other, with nothing of a real browser's frame.
PAGE = """<body style="margin:0;padding:24px;display:inline-flex;gap:24px;background:#dfe3ec;font:600 15px system-ui">
%s</body>"""
FRAME = """<figure style="margin:0;border-radius:10px;overflow:hidden;background:#fff;box-shadow:0 4px 18px #0003">
<figcaption style="padding:8px 14px;background:#2b3044;color:#fff">%s</figcaption>
<img style="display:block;width:%dpx" src="data:image/png;base64,%s"></figure>"""


def wall(browser: Browser, host: str, target: Path):
    """The demo in the windows of two users, after a short conversation."""
    with running(host, addons=[ROOT / 'examples'], install=['longpolling_demo']) as stack:
        admin = visit(stack, stack.login, stack.password)
        windows = {}
        for login in ('ann', 'bob'):
            admin.create_user(login, login)
            context = browser.new_context(viewport=WINDOWS[host], device_scale_factor=1.5)     # type: ignore[arg-type]
            windows[login] = Window(context, stack).log_in(login).open_wall()
        for login, text in CONVERSATION:
            windows[login].write(text)
            for window in windows.values():
                window.wait_for_note(text)
        shots = []
        for login, window in windows.items():
            window.wait_for(lambda: window.page.locator('.lpd_watcher').count() == 2)      # noqa: B023  called at once
            window.page.evaluate('document.activeElement.blur()')
            window.page.wait_for_timeout(1000)      # the notes have come to rest
            shots.append((login.title(), base64.b64encode(window.page.screenshot()).decode()))
    frames = ''.join(FRAME % (f"{name}'s window", WINDOWS[host]['width'], shot) for name, shot in shots)
    page = browser.new_page(viewport={'width': 1400, 'height': 800})
    page.set_content(PAGE % frames)
    page.locator('body').screenshot(path=target)


def icons(browser: Browser):
    """The icon of each addon as the hosts want it."""
    page = browser.new_page(viewport={'width': ICON, 'height': ICON})
    for addon in ADDONS:
        page.set_content('<body style="margin:0">' + (addon / 'static/description/icon.svg').read_text())
        for target in icons_of(addon):
            page.screenshot(path=target, omit_background=True)


def icons_of(addon: Path) -> list[Path]:
    """Where the hosts on which the addon runs look for it."""
    found = [addon / 'static/description/icon.png']
    if (addon / '__openerp__.py').exists():
        found.append(addon / 'static/src/img/icon.png')
    return found


def main():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=flags())
        icons(browser)
        wall(browser, 'odoo-19.0', PICTURES / 'wall-odoo.png')
        wall(browser, 'openerp-7.0', PICTURES / 'wall-openerp.png')
        browser.close()


if __name__ == '__main__':
    main()
