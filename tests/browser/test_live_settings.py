"""Live views: an administrator says which models are live."""

import contextlib
import re

import psycopg2
import pytest

WATCH = 'longpolling.watch'


@pytest.fixture
def as_it_was(site):
    """The models that a test has listed are live no longer at its end, and those that it has taken out are."""
    before = listed(site)
    yield
    for watch in site.admin.rpc(WATCH, 'search_read', [[], ['model']]):
        if watch['model'] not in before:
            site.admin.rpc(WATCH, 'unlink', [[watch['id']]])
        before.discard(watch['model'])
    for model in before:
        site.admin.rpc(WATCH, 'create', [[{'model': model}]])


def action(site, name: str) -> int:
    [reference] = site.admin.rpc('ir.model.data', 'search_read', [[
        ('module', '=', 'web_longpolling_live'), ('name', '=', name)], ['res_id']])
    return reference['res_id']


def picture(page, site, name: str):
    page.screenshot(path=f'.sandbox/pictures/{site.host}-{name}.png')


def listed(site) -> set[str]:
    return {watch['model'] for watch in site.admin.rpc(WATCH, 'search_read', [[], ['model']])}


@pytest.mark.only_on('odoo-19.0')
def test_a_model_is_found_by_its_name_and_what_is_installed_is_added(site, windows, as_it_was):
    """In a list that is empty, too."""
    site.admin.rpc(WATCH, 'unlink', [site.admin.rpc(WATCH, 'search', [[]])])
    page = windows('admin').page
    page.goto(f"{site.url}/odoo/action-{action(site, 'action_watched')}")
    page.click('button:has-text("Add Most Used")')
    page.locator('.o_data_row', has_text='res.partner').wait_for()
    page.click('.o_list_button_add')
    page.fill('.o_selected_row [name=model_id] input', 'Countr')
    page.locator('.o-autocomplete--dropdown-item a', has_text=re.compile(r'^\s*Country\s*$')).click()
    page.locator('.o_selected_row td[name=model]', has_text='res.country').wait_for()
    page.click('.o_list_button_save')
    page.locator('.o_data_row:not(.o_selected_row)', has_text='res.country').wait_for()
    page.click('button:has-text("Add All")')
    picture(page, site, 'live-settings')
    assert {'res.partner', 'res.country'} <= listed(site)


@pytest.mark.only_on('openerp-7.0')
def test_what_is_installed_is_added_by_a_dialog(site, windows, as_it_was):
    site.admin.rpc(WATCH, 'unlink', [site.admin.rpc(WATCH, 'search', [[]])])
    page = windows('admin').page
    for button, model in (('use most', 'res.partner'), ('all business models', 'res.partner.category')):
        page.goto('about:blank')
        page.goto(f"{site.url}/?db={site.db}#action={action(site, 'action_models')}")
        page.locator('.ui-dialog button', has_text=button).wait_for()
        picture(page, site, 'live-dialog')
        page.locator('.ui-dialog button', has_text=button).click()
        page.locator('.oe_list_content tr[data-id]', has_text=re.compile(rf'^\s*{re.escape(model)}\s*$')).wait_for()
    assert not [name for name in listed(site) if name.startswith('ir.') or name in ('res.users', 'res.groups')]
    with contextlib.closing(psycopg2.connect(site.dsn)) as connection, connection.cursor() as cr:
        cr.execute("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'res_partner_category'::regclass "
                   "AND tgname LIKE 'longpolling%'")
        assert cr.fetchone()[0]
