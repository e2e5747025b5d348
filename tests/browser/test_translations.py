"""A German user sees the wall in German, on each host."""

from tests.browser.windows import Window


def install_german(site):
    wizard = 'base.language.install'
    if site.host == 'openerp-7.0':
        ids = [site.admin.rpc(wizard, 'create', [{'lang': 'de_DE'}])]
    else:
        german = site.admin.rpc('res.lang', 'search', [[['code', '=', 'de_DE']]], {'context': {'active_test': False}})
        ids = [site.admin.rpc(wizard, 'create', [{'lang_ids': [[6, 0, german]]}])]
    site.admin.rpc(wizard, 'lang_install', [ids])


def test_the_wall_is_german_for_a_german_user(site, browser):
    install_german(site)
    user = site.admin.create_user('dora', 'dora')
    site.admin.rpc('res.users', 'write', [[user], {'lang': 'de_DE'}])
    context = browser.new_context()
    window = Window(context, site)
    window.expect(r'apps\.openerp\.com')       # pictures of 7.0's first page
    window.log_in('dora').open_wall()
    assert window.page.inner_text('.lpd_title') == 'Wand'
    assert window.page.inner_text('.lpd_post') == 'Senden'
    assert window.page.get_attribute('.lpd_text', 'placeholder') == 'Eine Notiz schreiben …'
    context.close()
    assert window.complaints() == []
