"""The tutorial, followed to its end on each host: its files, as they stand on the page, make a board that is live."""

import re

import pytest

from tests.browser.windows import LOGGED_IN, Window
from tests.support.clients import visit
from tests.support.samples import blocks, write

PAGE = {'openerp-7.0': 'tutorial/openerp-7.rst', 'odoo-19.0': 'tutorial/odoo-19.rst'}
ADDRESS = {'openerp-7.0': '/?db={db}#action=parcels.board', 'odoo-19.0': '/odoo/action-parcels.board'}
METHOD = re.compile(r'(?:    @api\.\w+\n)?    def create\(.*?\n(?=\n)', re.DOTALL)


def files_of(page: str) -> dict[str, str]:
    """The files that a reader has at the end, by name."""
    files: dict[str, str] = {}
    for block in blocks(page):
        name, _, change = block.caption.partition(', ')
        if change == 'at the end':
            files[name] += '\n\n' + block.text
        elif change == 'the method create':
            indented = ''.join('    ' + line if line.strip() else line for line in block.text.splitlines(True))
            files[name], count = METHOD.subn(lambda _: indented, files[name])    # noqa: B023  used at once
            assert count == 1
        else:
            assert name and not change
            if name in files:       # once more, with more in it
                assert set(files[name].splitlines()) - set(block.text.splitlines()) <= CHANGED[page]
            files[name] = block.text
    return files


# Lines of the first board.js that the second one has in another form; all others stay.
CHANGED = {
    'tutorial/odoo-19.rst': {'        this.state = useState({ name: "", parcels: [] });'},
    'tutorial/openerp-7.rst': {"                '<ul/>');"},
}


@pytest.fixture
def addons(host, tmp_path):
    """A folder with the tutorial's addon."""
    files = files_of(PAGE[host])
    assert len(files) == 7
    for name, text in files.items():
        write(tmp_path, name, text)
    return tmp_path


def open_board(context, stack) -> Window:
    window = Window(context, stack)
    window.expect(r'apps\.openerp\.com')       # pictures of 7.0's first page
    window.log_in('admin')
    window.page.goto('about:blank')
    window.page.goto(stack.url + ADDRESS[stack.host].format(db=stack.db))
    window.wait_until(LOGGED_IN[stack.host])
    window.page.wait_for_selector('.parcels_board h1')
    return window


def test_the_board_of_the_tutorial_is_live(host, up, addons, browser):
    with up(host, addons=[addons], install=['parcels']) as stack:
        contexts = [browser.new_context() for _ in range(2)]
        one, other = (open_board(context, stack) for context in contexts)
        for window in (one, other):
            window.wait_for(lambda: len(window.held_on('/parcels')) == 2 and len(window.held_on('/arrivals')) == 2,  # noqa: B023
                            what='both pages poll')
        one.page.fill('.parcels_board input', 'Ann')
        one.page.click('.parcels_board form button')
        for window in (one, other):
            window.page.wait_for_selector('.parcels_board li:has-text("Ann")')
            window.page.wait_for_selector('.parcels_arrival:has-text("A parcel for Ann has come.")')
        one.wait_for(lambda: one.page.input_value('.parcels_board input') == '')
        # By another way than the page.
        visit(stack, stack.login, stack.password).rpc('parcels.parcel', 'create', [{'name': 'Bob'}])
        other.page.wait_for_selector('.parcels_board li:has-text("Bob")')
        other.page.click('.parcels_board li:has-text("Ann") button')
        one.page.wait_for_selector('.parcels_board li:has-text("Ann")', state='detached')
        one.wait_for(lambda: one.page.locator('.parcels_board li').count() == 1)
        for context, window in zip(contexts, (one, other), strict=True):
            context.close()
            assert window.complaints() == []
