"""A German user sees the wall in German, on each host."""

import pytest

from tests.browser.test_live import form
from tests.browser.windows import Window


def install_german(site):
    wizard = 'base.language.install'
    if site.host == 'openerp-7.0':
        ids = [site.admin.rpc(wizard, 'create', [{'lang': 'de_DE'}])]
    else:
        german = site.admin.rpc('res.lang', 'search', [[['code', '=', 'de_DE']]], {'context': {'active_test': False}})
        ids = [site.admin.rpc(wizard, 'create', [{'lang_ids': [[6, 0, german]]}])]
    site.admin.rpc(wizard, 'lang_install', [ids])


@pytest.fixture(scope='module')
def german(site, browser):
    """The window of a user whose language is German."""
    install_german(site)
    user = site.admin.create_user('dora', 'dora')
    site.admin.rpc('res.users', 'write', [[user], {'lang': 'de_DE'}])
    context = browser.new_context()
    window = Window(context, site)
    window.expect(r'apps\.openerp\.com')       # pictures of 7.0's first page
    yield window.log_in('dora')
    context.close()
    assert window.complaints() == []


def test_the_wall_is_german_for_a_german_user(german):
    german.open_wall()
    assert german.page.inner_text('.lpd_title') == 'Wand'
    assert german.page.inner_text('.lpd_post') == 'Senden'
    assert german.page.get_attribute('.lpd_text', 'placeholder') == 'Eine Notiz schreiben …'


def test_live_views_are_german_for_a_german_user(site, german):
    """The labels of fields and menus, which the server translates, and what a page says by itself."""
    def german_of(model, method, *args):
        return site.admin.rpc(model, method, [*args], {'context': {'lang': 'de_DE'}})
    label = german_of('res.users', 'fields_get', ['longpolling_live'])['longpolling_live']
    assert (label['string'], label['help']) == ('Live-Ansichten', 'Sofort zeigen, was ein Kollege ändert')
    assert german_of('longpolling.watch', 'fields_get', ['model'])['model']['string'] == 'Modell'
    assert german_of('ir.ui.menu', 'search', [('name', '=', 'Live-Ansichten')])
    partner = site.admin.rpc('res.partner', 'create', [{'name': 'Live German'}])
    record = partner[0] if isinstance(partner, list) else partner
    try:
        form(german, site, record)
        site.admin.rpc('longpolling.live.presence', 'here', ['res.partner', record])
        german.page.locator('.o_live_people', has_text='sieht sich dies an').wait_for()
    finally:
        site.admin.rpc('res.partner', 'unlink', [[record]])
