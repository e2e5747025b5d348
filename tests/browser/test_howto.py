"""The samples of the how-to guides: each page's files make an addon, and all of them together run on each host."""

import re

import pytest

from sandbox.paths import ROOT
from tests.browser.windows import LOGGED_IN, Window
from tests.support.clients import visit
from tests.support.samples import blocks, write

PAGES = sorted(path.relative_to(ROOT / 'doc').as_posix() for path in (ROOT / 'doc' / 'howto').glob('*.rst'))
HOST_OF = {'Odoo 19.0': 'odoo-19.0', 'OpenERP 7.0': 'openerp-7.0'}
CAPTION = re.compile(r'(\w+)/([\w./]+?)(?:, (at the end))?(?: \((.+)\))?')


def addons_of(host: str) -> dict[str, dict[str, str]]:
    """{addon: {file: text}} of all pages, as they are on this host."""
    addons: dict[str, dict[str, str]] = {}
    for block in (block for page in PAGES for block in blocks(page) if block.caption):
        found = CAPTION.fullmatch(block.caption)
        assert found, block.caption
        addon, name, append, where = found.groups()
        if HOST_OF.get(where, host) == host:
            files = addons.setdefault(addon, {})
            files[name] = files[name] + '\n\n' + block.text if append else block.text
    return addons


def complete(host: str, addon: str, files: dict[str, str]) -> dict[str, str]:
    """With the manifest and the imports that the pages take for granted."""
    scripts = sorted(name for name in files if name.endswith('.js'))
    modules = sorted(name[:-3] for name in files if name.endswith('.py'))
    manifest = {'name': addon, 'depends': ['web_longpolling'], 'installable': True, 'license': 'AGPL-3',
                'data': sorted(name for name in files if name.endswith('.xml'))}
    if host == 'openerp-7.0':
        manifest['js'] = scripts
    else:
        public = [f'{addon}/{name}' for name in scripts if '/public/' in name]
        private = [f'{addon}/{name}' for name in scripts if '/public/' not in name]
        manifest['assets'] = {'web.assets_backend': private, 'web.assets_frontend': public}
    return {**files, '__openerp__.py' if host == 'openerp-7.0' else '__manifest__.py': repr(manifest),
            '__init__.py': f'from . import {", ".join(modules)}\n', 'static/.empty': ''}


@pytest.fixture(scope='module')
def stack(host, up, tmp_path_factory):
    """All addons of the pages on one stack."""
    folder = tmp_path_factory.mktemp('howto')
    addons = addons_of(host)
    for addon, files in addons.items():
        for name, text in complete(host, addon, files).items():
            write(folder, f'{addon}/{name}', text)
    # The demo, since OpenERP's web client waits for a menu that ordinary users see.
    with up(host, addons=[folder, ROOT / 'examples'], install=[*sorted(addons), 'longpolling_demo']) as running:
        running.admin = visit(running, running.login, running.password)
        running.ann = running.admin.create_user('ann', 'ann')
        yield running


@pytest.fixture(scope='module')
def window(stack, browser):
    """Ann's window, in the web client."""
    context = browser.new_context()
    one = Window(context, stack)
    one.expect(r'apps\.openerp\.com')       # pictures of 7.0's first page
    yield one.log_in('ann')
    context.close()
    assert one.complaints() == []


def test_every_page_with_samples_has_a_test_here(host):
    wanted = {'contact_counter', 'fresh_list', 'reminders', 'moved', 'prices', 'public_board'}
    assert set(addons_of(host)) == wanted


def test_a_counter(stack, window):
    window.page.wait_for_selector('.contact_counter:text-matches("[0-9]+ contacts")')
    before = int(window.page.inner_text('.contact_counter').split()[0])
    stack.admin.rpc('res.partner', 'create', [{'name': 'One more'}])
    window.page.wait_for_selector(f'.contact_counter:has-text("{before + 1} contacts")')


def test_a_list_that_refreshes(stack, window):
    address = '/odoo/action-fresh_list.action_countries' if stack.host == 'odoo-19.0' else (
        f'/?db={stack.db}#action=fresh_list.action_countries')
    window.page.goto('about:blank')
    window.page.goto(stack.url + address)
    window.wait_until(LOGGED_IN[stack.host])
    window.page.wait_for_selector('td:has-text("Albania")')
    window.wait_for(lambda: any(poll['channels'] for poll in window.held_on('/countries_changed')), what='it follows')
    [country] = stack.admin.rpc('res.country', 'search', [[['name', '=', 'Albania']]])
    stack.admin.rpc('res.country', 'write', [[country], {'name': 'Albania, renamed'}])
    window.page.wait_for_selector('td:has-text("Albania, renamed")')


def test_a_private_channel_for_a_user(stack, window):
    window.wait_for(lambda: any(poll['channels'] for poll in window.held_on('/reminders')), what='it follows')
    stack.admin.rpc('res.users', 'remind', [[stack.admin.uid], 'for the administrator'])
    stack.admin.rpc('res.users', 'remind', [[stack.ann], 'for Ann'])
    where = '.o_notification' if stack.host == 'odoo-19.0' else '.oe_notification'
    window.page.wait_for_selector(f'{where}:has-text("for Ann")')
    assert 'for the administrator' not in window.page.inner_text('body')


def test_moving_from_the_addon_of_2013(stack):
    """The controller of that time and its successor give the same answers."""
    session = visit(stack, 'ann')
    count = len(stack.admin.rpc('res.partner', 'search', [[]]))
    for route in ('/before', '/after'):
        answer = session.poll(f'{route}/{count + 100}')
        assert (answer.status_code, answer.json()) == (200, count)


def test_moving_from_the_bus_service(stack, window):
    if stack.host == 'openerp-7.0':     # it has no bus to move from: the controller alone is there
        assert visit(stack, 'ann').poll('/prices').status_code == 204
        return
    window.wait_for(lambda: any(poll['channels'] for poll in window.held_on('/prices')), what='it follows')
    stack.admin.rpc('res.company', 'change_price', [[1], '12.50'])
    window.page.wait_for_selector('.prices_price:has-text("12.50")', state='attached')


def test_a_public_page(stack, browser):
    stranger = visit(stack)
    assert stranger.poll('/board', {'token': 'made up'}).status_code == 410
    if stack.host == 'openerp-7.0':     # it has no public pages: the controller alone is there
        return
    context = browser.new_context()
    window = Window(context, stack)
    window.page.goto(f'{stack.url}/board')
    window.page.wait_for_selector('.public_board:has-text("Nothing yet")')
    window.wait_for(lambda: any(poll['channels'] for poll in window.held_on('/board')), what='it follows')
    stack.admin.rpc('res.company', 'announce', [[1], 'The train is late'])
    window.page.wait_for_selector('.public_board:has-text("The train is late")')
    context.close()
    assert window.complaints() == []
