"""Live views of OpenERP 7.0's own widgets: groups, totals, selections, and what comes while a reload is under way."""

import contextlib
import re

import pytest

from tests.browser.test_live import (  # noqa: F401
    MODEL,
    ROWS,
    action,
    created,
    editable,
    following,
    form,
    listing,
    names,
    partners,
)
from tests.support.sql import sql

pytestmark = pytest.mark.only_on('openerp-7.0')

TREE = '<tree string="P"><field name="name"/><field name="city"/>{}</tree>'
LIST = 'openerp.instances.instance0.webclient.action_manager.inner_widget.views.list.controller'
# The answers to RPCs whose parameters say all of these wait until let_go() is called in the page.
HOLD = """(marks) => {
    const session = openerp.instances.instance0.session, send = session.rpc_function.bind(session);
    let open = false;
    window.waiting = [];
    window.let_go = () => { open = true; waiting.forEach((go) => go()); };
    session.rpc_function = function (url, payload) {
        if (open || !marks.every((mark) => JSON.stringify(payload).includes(mark))) {
            return send(url, payload);
        }
        const answer = $.Deferred();
        waiting.push(() => send(url, payload).then(answer.resolve, answer.reject));
        return answer.promise();
    };
}"""


@contextlib.contextmanager
def view(site, arch: str, kind: str = 'tree'):
    """Partners are shown by this view."""
    record = created(site.admin.rpc('ir.ui.view', 'create', [{
        'name': 'live view', 'model': MODEL, 'type': kind, 'priority': 0, 'arch': arch}]))
    try:
        yield
    finally:
        site.admin.rpc('ir.ui.view', 'unlink', [[record]])


@contextlib.contextmanager
def acting(site, **values):
    """The action that lists the partners of the tests has these values."""
    number = action(site)
    [before] = site.admin.rpc('ir.actions.act_window', 'read', [[number], list(values)])
    site.admin.rpc('ir.actions.act_window', 'write', [[number], values])
    try:
        yield number
    finally:
        site.admin.rpc('ir.actions.act_window', 'write', [[number], {name: before[name] for name in values}])


def write(site, record: int, **values):
    site.admin.rpc(MODEL, 'write', [[record], values])


def row(window, text: str):
    return window.page.locator(ROWS[window.stack.host], has_text=text)


def value(site, record: int, field: str):
    return site.admin.rpc(MODEL, 'read', [[record], [field]])[0][field]


def hold(window, *marks: str):
    window.page.evaluate(HOLD, list(marks))


def let_go(window):
    window.wait_for(lambda: window.page.evaluate('waiting.length'), what='the RPC')
    window.page.evaluate('let_go()')


def test_a_new_row_of_ones_own_is_live(windows, site, partners, editable):  # noqa: F811
    """No reload has brought it into the list, but the save of a row that was added there."""
    partners(1)
    ann = listing(windows(), site)
    ann.page.click('.oe_list_add')
    ann.page.locator('.oe_form_field[data-fieldname=name] input').fill('Live own')
    ann.page.click('.oe_list_save')
    ann.wait_for(lambda: site.admin.rpc(MODEL, 'search', [[('name', '=', 'Live own')]]))
    [own] = site.admin.rpc(MODEL, 'search', [[('name', '=', 'Live own')]])
    try:
        ann.wait_for(lambda: own in ann.page.evaluate(f'{LIST}.live.shown && JSON.parse({LIST}.live.shown).ids'))
        ann.wait_for(lambda: following(ann))
        write(site, own, city='Paris')
        row(ann, 'Live own').filter(has_text='Paris').wait_for()
    finally:
        site.admin.rpc(MODEL, 'unlink', [[own]])


def test_a_row_that_one_deletes_oneself_is_asked_about_no_more(windows, site, partners):  # noqa: F811
    """The web client takes it out of the list without a reload."""
    first, _ = partners(2)
    ann = listing(windows(), site)
    ann.page.on('dialog', lambda dialog: dialog.accept())
    row(ann, 'Live 00').locator('.oe_list_record_selector input').check()
    ann.page.evaluate(f'{LIST}.do_delete_selected()')
    row(ann, 'Live 00').wait_for(state='detached')
    ann.wait_for(lambda: first not in ann.page.evaluate(f'JSON.parse({LIST}.live.shown).ids'))
    ann.wait_for(lambda: following(ann), what='a poll that is held, since nothing of it is gone')


def test_a_row_of_a_group_that_is_opened_is_live(windows, site, partners):  # noqa: F811
    """And if it belongs to the group no longer, or the group's total is another one, a bar says so."""
    one, other = partners(2, city='Bergen', color=2)
    with view(site, TREE.format('<field name="color" sum="Total"/><field name="zip"/>')), \
            acting(site, context="{'group_by': ['city']}") as number:
        ann = windows()
        ann.page.goto('about:blank')
        ann.page.goto(f'{site.url}/?db={site.db}#action={number}&model={MODEL}&view_type=list')
        ann.page.locator('.oe_group_header', has_text='Bergen').locator('th').first.click()
        row(ann, 'Live 01').wait_for()
        ann.wait_for(lambda: ann.page.evaluate(f'JSON.parse({LIST}.live.shown).ids.length') == 2)
        ann.wait_for(lambda: following(ann))
        bar = ann.page.locator('.o_live_bar')
        write(site, one, zip='1234')
        row(ann, 'Live 00').filter(has_text='1234').wait_for()
        assert not bar.count()
        write(site, other, color=7)
        row(ann, 'Live 01').filter(has_text='7').wait_for()
        bar.wait_for()
        ann.page.locator('.oe_group_header', has_text='Bergen').locator('td', has_text='4').wait_for()
        bar.get_by_role('button', name='Show').click()
        ann.page.locator('.oe_group_header', has_text='Bergen').locator('td', has_text='9').wait_for()
        ann.page.locator('.oe_group_header', has_text='Bergen').locator('th').first.click()
        row(ann, 'Live 01').wait_for()
        write(site, one, city='Oslo')
        row(ann, 'Live 00').filter(has_text='Oslo').wait_for()
        bar.wait_for()


def test_the_names_of_many2many_fields_change_in_lists(windows, site, partners):  # noqa: F811
    red, blue = [created(site.admin.rpc('res.partner.category', 'create', [{'name': name}]))
                 for name in ('Red', 'Blue')]
    [one] = partners(1, category_id=[[6, 0, [red]]])
    with view(site, TREE.format('<field name="category_id"/>')):
        ann = listing(windows(), site)
        cell = row(ann, 'Live 00').locator('td[data-field=category_id]')
        cell.filter(has_text='Red').wait_for()
        write(site, one, category_id=[[6, 0, [blue, red]]])
        cell.filter(has_text='Blue').filter(has_text='Red').wait_for()
        write(site, one, category_id=[[6, 0, []]], city='Oslo')
        row(ann, 'Oslo').wait_for()
        assert '0 records' in cell.inner_text()     # as OpenERP says it
    site.admin.rpc('res.partner.category', 'unlink', [[red, blue]])


def test_the_totals_are_those_of_the_selection(windows, site, partners):  # noqa: F811
    """And when what is selected is gone, nothing can be done with it any more."""
    ids = partners(3, color=2)
    with view(site, TREE.format('<field name="color" sum="Total"/>')):
        ann = listing(windows(), site)
        total = ann.page.locator('tfoot .oe_list_footer', has_text='4')
        for name in ('Live 00', 'Live 01'):
            row(ann, name).locator('.oe_list_record_selector input').check()
        total.wait_for()
        write(site, ids[0], color=5)
        ann.page.locator('tfoot .oe_list_footer', has_text='7').wait_for()
        site.admin.rpc(MODEL, 'unlink', [[ids[0]]])
        row(ann, 'Live 00').wait_for(state='detached')
        ann.page.locator('tfoot .oe_list_footer').filter(has_text='2').wait_for()
        site.admin.rpc(MODEL, 'unlink', [[ids[1]]])
        row(ann, 'Live 01').wait_for(state='detached')
        ann.wait_for(lambda: not ann.page.locator('.oe_sidebar:visible').count())


def test_a_page_of_a_list_whose_rows_are_gone_is_left(windows, site, partners):  # noqa: F811
    ids = partners(3)
    with acting(site, limit=2):
        ann = listing(windows(), site)
        ann.page.locator('[data-pager-action=next]:visible').click()
        ann.wait_for(lambda: names(ann, site) and len(names(ann, site)) == 1)
        ann.wait_for(lambda: ann.page.evaluate(f'JSON.parse({LIST}.live.shown).ids') == ids[2:])
        ann.wait_for(lambda: following(ann))
        site.admin.rpc(MODEL, 'unlink', [ids[2:]])
        ann.wait_for(lambda: len(names(ann, site)) == 2)


def test_rows_beyond_those_that_are_told_are_live(windows, site):
    """A list may show more than the 1,000 of which one poll tells."""
    sql(site, "INSERT INTO res_partner (name, active, type) "
              "SELECT 'Live ' || to_char(n, 'FM0000'), true, 'contact' FROM generate_series(1, 1010) AS n")
    try:
        with view(site, TREE.format('')), acting(site, limit=2000):
            ann = listing(windows(), site)
            assert ann.page.locator(ROWS[site.host]).count() == 1010
            ann.wait_for(lambda: following(ann))
            [last] = site.admin.rpc(MODEL, 'search', [[('name', '=', 'Live 1010')]])
            write(site, last, city='Oslo')
            row(ann, 'Live 1010').filter(has_text='Oslo').wait_for()
    finally:
        sql(site, "DELETE FROM res_partner WHERE name LIKE 'Live %%'")


def test_what_is_typed_while_a_form_is_read_again_stays(windows, site, partners):  # noqa: F811
    """The user begins to edit when the reload is under way already."""
    [one] = partners(1, city='Bergen')
    with view(site, '<form string="P" version="7.0"><field name="city"/><field name="name"/></form>', 'form'):
        ann = form(windows(), site, one)
        hold(ann, '"method":"read"', f'"{MODEL}"')
        write(site, one, city='Oslo')
        ann.wait_for(lambda: ann.page.evaluate('waiting.length'), what='the form is read again')
        ann.page.click('.oe_form_button_edit')
        city = ann.page.locator('.oe_form_editable .oe_form_field input').first
        city.fill('Ann writes')
        city.press('Tab')
        let_go(ann)
        bar = ann.page.locator('.o_live_bar')
        bar.get_by_role('button', name='Show').click()
        bar.locator('tbody tr', has_text='Ann writes').filter(has_text='Oslo').wait_for()
        assert city.input_value() == 'Ann writes'


def test_a_row_that_is_opened_while_the_list_is_loaded_is_left_alone(windows, site, partners, editable):  # noqa: F811
    partners(1)
    ann = listing(windows(), site)
    hold(ann, '"method":"search"', f'"{MODEL}"')
    partners(1, name='Live newcomer')
    ann.wait_for(lambda: ann.page.evaluate('waiting.length'), what='the list is loaded again')
    row(ann, 'Live 00').locator('td[data-field=city]').click()
    city = ann.page.locator('.oe_form_field[data-fieldname=city] input')
    city.fill('Ann writes')
    let_go(ann)
    ann.page.locator('.o_live_bar').wait_for()
    assert not row(ann, 'Live newcomer').count()
    ann.page.click('.oe_list_save')
    row(ann, 'Live newcomer').wait_for()
    row(ann, 'Live 00').filter(has_text='Ann writes').wait_for()


def test_saving_in_a_dialog_over_a_colleagues_change_asks(windows, site, partners):  # noqa: F811
    """A dialog that a field opens writes at once, not with the form below."""
    company, contact = partners(2, city='Bergen')
    write(site, contact, parent_id=company)
    with view(site, '<form string="P" version="7.0"><field name="city"/><field name="name"/>'
                    '<field name="parent_id"/></form>', 'form'):
        ann = form(windows(), site, contact)
        asked = []
        ann.page.on('dialog', lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
        ann.page.click('.oe_form_button_edit')
        ann.page.locator('.oe_m2o_cm_button').click()
        city = ann.page.locator('.ui-dialog .oe_form_editable .oe_form_field input').first
        city.fill('Ann writes')
        city.press('Tab')
        write(site, company, city='Oslo')
        ann.page.locator('.ui-dialog button', has_text='Save').first.click()
        ann.wait_for(lambda: asked, what='saving asks')
        assert value(site, company, 'city') == 'Oslo'
        ann.page.locator('.ui-dialog .o_live_bar').get_by_role('button', name='Discard mine').click()
        ann.wait_for(lambda: city.input_value() == 'Oslo')


def test_a_host_that_does_not_answer_interrupts_nobody(windows, site, partners):  # noqa: F811
    """No dialog says so, since nobody has asked for anything; what was shown stays, and the next change is seen."""
    [one] = partners(1)
    ann = listing(windows(), site)
    ann.expect('502')
    refused = []
    hosts = '**/web/dataset/**'
    # The search is answered, and what it has found can't be read.
    ann.page.route(hosts, lambda route: route.continue_() if '"search"' in route.request.post_data else (
        refused.append(route.request.post_data), route.fulfill(status=502)))
    partners(1, name='Live newcomer')
    ann.wait_for(lambda: refused, what='the list is read again')
    ann.wait_for(lambda: any('could not be brought up to date' in warning for warning in ann.warnings))
    assert not ann.page.locator('.ui-dialog:visible').count()
    assert row(ann, 'Live 00').count() == 1
    ann.page.unroute(hosts)
    partners(1, name='Live other')
    row(ann, 'Live newcomer').wait_for()
    row(ann, 'Live other').wait_for()
    bob = form(windows(), site, one)
    bob.expect('502')
    refused.clear()
    bob.page.route(hosts, lambda route: (refused.append(route.request.post_data), route.fulfill(status=502)))
    bob.page.click('.oe_form_button_edit')      # its page says so to the others
    bob.wait_for(lambda: any('"here"' in request for request in refused))
    bob.page.wait_for_timeout(500)
    assert not bob.page.locator('.ui-dialog:visible').count()
    bob.page.unroute(hosts)


def test_a_list_that_is_sorted_while_it_is_loaded_is_sorted(windows, site, partners):  # noqa: F811
    """What is read in the order of before is not shown any more."""
    for record, city in zip(partners(3), 'CBA', strict=True):
        write(site, record, city=f'Live {city}')
    with view(site, TREE.format('')):
        ann = listing(windows(), site)
        hold(ann, '"sort"', '"offset"')
        new = created(site.admin.rpc(MODEL, 'create', [{'name': 'Live 03', 'city': 'Live D'}]))
        try:
            ann.wait_for(lambda: ann.page.evaluate('waiting.length') == 1, what='the list is read again')
            ann.page.click('th.oe_sortable:has-text("City")')
            ann.wait_for(lambda: ann.page.evaluate('waiting.length') == 2, what='the user sorts it')
            ann.page.evaluate('waiting[1]()')
            ann.page.wait_for_timeout(500)
            ann.page.evaluate('waiting[0]()')
            ann.page.wait_for_timeout(1000)
            ann.wait_for(lambda: re.findall('Live [0-9]+', ann.page.inner_text('.oe_list_content')) == [
                'Live 02', 'Live 01', 'Live 00', 'Live 03'])
        finally:
            site.admin.rpc(MODEL, 'unlink', [[new]])


def test_a_changed_row_does_not_bring_its_files(windows, site, partners):  # noqa: F811
    """Of a picture the list has its size alone, as when it was loaded."""
    [one] = partners(1)
    picture = site.admin.rpc('res.users', 'read', [[1], ['image']])[0]['image']
    assert picture
    write(site, one, image=picture)
    with view(site, TREE.format('<field name="image"/>')):
        ann = listing(windows(), site)
        write(site, one, city='Paris')
        row(ann, 'Live 00').filter(has_text='Paris').wait_for()
        assert len(ann.page.evaluate(f'{LIST}.records.get({one}).get("image")')) < 20
