"""Live views: an administrator says which models are live."""

import re

import pytest

WATCH = 'longpolling.watch'


@pytest.fixture
def as_it_was(site):
    """The models that a test has listed are live no longer at its end, and those that it has taken out are."""
    before = {watch['model'] for watch in site.admin.rpc(WATCH, 'search_read', [[], ['model']])}
    yield
    for watch in site.admin.rpc(WATCH, 'search_read', [[], ['model']]):
        if watch['model'] not in before:
            site.admin.rpc(WATCH, 'unlink', [[watch['id']]])
        before.discard(watch['model'])
    for model in before:
        site.admin.rpc(WATCH, 'create', [[{'model': model}]])


@pytest.mark.only_on('odoo-19.0')
def test_a_model_is_found_by_its_name_and_what_is_installed_is_added(site, windows, as_it_was):
    """In a list that is empty, too."""
    site.admin.rpc(WATCH, 'unlink', [site.admin.rpc(WATCH, 'search', [[]])])
    [reference] = site.admin.rpc('ir.model.data', 'search_read', [[
        ('module', '=', 'web_longpolling_live'), ('name', '=', 'action_watched')], ['res_id']])
    page = windows('admin').page
    page.goto(f"{site.url}/odoo/action-{reference['res_id']}")
    page.click('button:has-text("Add what this database")')
    page.locator('.o_data_row', has_text='res.partner').wait_for()
    page.click('.o_list_button_add')
    page.fill('.o_selected_row [name=model_id] input', 'Countr')
    page.locator('.o-autocomplete--dropdown-item a', has_text=re.compile(r'^\s*Country\s*$')).click()
    page.locator('.o_selected_row td[name=model]', has_text='res.country').wait_for()
    page.click('.o_list_button_save')
    page.locator('.o_data_row:not(.o_selected_row)', has_text='res.country').wait_for()
    page.screenshot(path='.sandbox/pictures/odoo-19.0-live-settings.png')
    assert {'res.partner', 'res.country'} <= {
        watch['model'] for watch in site.admin.rpc(WATCH, 'search_read', [[], ['model']])}
