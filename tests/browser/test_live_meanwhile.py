"""Live views: what the user does while a view loads anew what a colleague has changed."""

import contextlib

import pytest

from tests.browser import test_live
from tests.browser.test_live import MODEL, action, created, form, listing

# OpenERP 7.0's views are brought up to date row by row.
pytestmark = pytest.mark.only_on('odoo-19.0')

partners, editable = test_live.partners, test_live.editable
ROW = '.o_data_row'


class Held:
    """The requests of a page that are kept from the server until they are let go."""

    def __init__(self, page, method: str):
        self.routes: list = []
        self.holding = False
        self.page = page
        page.route(f'**/web/dataset/call_kw/{MODEL}/{method}', self._meet)

    def _meet(self, route):
        if self.holding:
            self.routes.append(route)
        else:
            route.continue_()

    def let_go(self):
        self.holding = False
        for route in self.routes:
            route.continue_()
        self.routes = []


@contextlib.contextmanager
def view(site, kind: str, arch: str):
    made = created(site.admin.rpc('ir.ui.view', 'create', [{
        'name': f'live {kind}', 'model': MODEL, 'type': kind, 'priority': 1, 'arch': arch}]))
    try:
        yield
    finally:
        site.admin.rpc('ir.ui.view', 'unlink', [[made]])


def rename(site, record: int, name: str):
    site.admin.rpc(MODEL, 'write', [[record], {'name': name}])


def search(window, text: str):
    window.page.fill('.o_searchview_input', text)
    window.page.press('.o_searchview_input', 'Enter')


def row(window, text: str):
    return window.page.locator(ROW, has_text=text)


def shown(window) -> list[str]:
    cells = window.page.locator(f'{ROW} [name=complete_name], {ROW} [name=name]')
    return [text.strip() for text in cells.all_inner_texts()]


def loading(window, site, record: int, method: str = 'web_search_read') -> Held:
    """A colleague changes the record; the load that follows is under way."""
    held = Held(window.page, method)
    held.holding = True
    rename(site, record, 'Live 00 changed')
    window.wait_for(lambda: held.routes, what='the view loads anew')
    held.holding = False
    return held


def test_a_search_while_the_list_is_loaded_anew_is_shown_and_the_list_stays_live(windows, site, partners):
    one, two, _ = partners(3)
    ann = listing(windows(), site)
    held = loading(ann, site, one)
    search(ann, 'Live 01')
    row(ann, 'Live 02').wait_for(state='detached')
    held.let_go()
    rename(site, two, 'Live 01 again')
    row(ann, 'Live 01 again').wait_for()
    assert shown(ann) == ['Live 01 again']


def test_a_search_that_is_under_way_is_not_replaced(windows, site, partners):
    one, _, _ = partners(3)
    ann = listing(windows(), site)
    held = Held(ann.page, 'web_search_read')
    held.holding = True
    search(ann, 'Live 01')
    ann.wait_for(lambda: held.routes)
    rename(site, one, 'Live 00 changed')
    ann.page.wait_for_timeout(4000)
    held.let_go()
    row(ann, 'Live 00').wait_for(state='detached')
    ann.page.wait_for_timeout(3000)
    assert shown(ann) == ['Live 01']


def test_a_selection_while_the_list_is_loaded_anew_stays(windows, site, partners):
    one, _, _ = partners(3)
    ann = listing(windows(), site)
    held = loading(ann, site, one)
    row(ann, 'Live 02').locator('input[type=checkbox]').check()
    held.let_go()
    row(ann, 'Live 00 changed').wait_for()
    assert row(ann, 'Live 02').locator('input[type=checkbox]').is_checked()


def test_a_row_that_is_opened_while_the_list_is_loaded_anew_is_left_alone(windows, site, partners, editable):
    one, _, _ = partners(3)
    ann = listing(windows(), site)
    held = loading(ann, site, one)
    cell = test_live.open_row(ann, site, 'Live 02')
    cell.click()
    ann.page.keyboard.type('Ann writes')
    held.let_go()
    ann.page.locator('.o_live_bar').wait_for()
    ann.page.keyboard.type(' on')
    assert cell.input_value() == 'Ann writes on'
    ann.page.click('.o_list_button_save')
    row(ann, 'Live 00 changed').wait_for()
    row(ann, 'Ann writes on').wait_for()


def test_another_page_of_the_list_while_it_is_loaded_anew_stays(windows, site, partners):
    one, _, _, _ = partners(4)
    with view(site, 'list', '<list limit="2" string="P"><field name="name"/></list>'):
        ann = listing(windows(), site)
        held = loading(ann, site, one)
        ann.page.click('.o_pager_next')
        row(ann, 'Live 02').wait_for()
        held.let_go()
        ann.page.wait_for_timeout(5000)
        assert shown(ann) == ['Live 02', 'Live 03']
        ann.page.click('.o_pager_previous')
        row(ann, 'Live 00 changed').wait_for()


def test_a_group_that_is_opened_while_the_list_is_loaded_anew_stays_open(windows, site, partners):
    [one] = partners(1, city='Bergen')
    partners(1, city='Oslo', name='Live in Oslo')
    number = action(site)
    site.admin.rpc('ir.actions.act_window', 'write', [[number], {'context': "{'group_by': 'city'}"}])
    try:
        ann = windows()
        ann.page.goto(f'{site.url}/odoo/action-{number}?view_type=list')
        group = ann.page.locator('.o_group_header')
        group.filter(has_text='Bergen').click()
        row(ann, 'Live 00').wait_for()
        ann.wait_for(lambda: test_live.following(ann))
        held = loading(ann, site, one, 'web_read_group')
        group.filter(has_text='Oslo').click()
        row(ann, 'Live in Oslo').wait_for()
        held.let_go()
        row(ann, 'Live 00 changed').wait_for()
        assert row(ann, 'Live in Oslo').count() == 1
    finally:
        site.admin.rpc('ir.actions.act_window', 'write', [[number], {'context': '{}'}])


@pytest.mark.parametrize('kind', ['list', 'kanban'])
def test_the_first_record_replaces_the_sample_data(windows, site, partners, kind):
    inside = {'list': '<field name="name"/>', 'kanban': """
        <templates><t t-name="card"><field name="name"/></t></templates>"""}[kind]
    arch = f'<{kind} sample="1">{inside}</{kind}>'
    with view(site, kind, arch):
        ann = windows()
        ann.page.goto(f'{site.url}/odoo/action-{action(site)}?view_type={kind}')
        ann.page.wait_for_selector('.o_view_sample_data')
        ann.wait_for(lambda: test_live.following(ann), what='the empty view is followed')
        partners(1, name='Live first')
        ann.page.locator('.o_content', has_text='Live first').wait_for()
        assert not ann.page.locator('.o_view_sample_data').count()


def test_a_row_that_is_open_in_a_dialog_is_left_alone(windows, site, partners):
    """A contact of a company, in a dialog of its form: what is typed there is the form's when the dialog is closed."""
    [company] = partners(1, is_company=True)
    [contact] = partners(1, parent_id=company, name='Live contact')
    with view(site, 'form', """<form><field name="name"/><field name="city"/><field name="child_ids">
            <list><field name="name"/><field name="function"/></list>
            <form><field name="name"/><field name="function"/></form></field></form>"""):
        ann = form(windows(), site, company)
        row(ann, 'Live contact').locator('[name=name]').click()
        dialog = ann.page.locator('.modal')
        dialog.locator('[name=function] input').fill('Painter')
        site.admin.rpc(MODEL, 'write', [[company], {'city': 'Oslo'}])
        ann.page.wait_for_timeout(5000)
        dialog.locator('.o_form_button_save').click()
        dialog.wait_for(state='detached')
        row(ann, 'Painter').wait_for()
        ann.page.click('.o_form_button_save')
        ann.wait_for(lambda: site.admin.rpc(MODEL, 'read', [[contact], ['function']])[0]['function'] == 'Painter')
        assert site.admin.rpc(MODEL, 'read', [[company], ['city']])[0]['city'] == 'Oslo'


def test_a_chart_that_the_user_has_changed_stays_as_it_is_and_shows_what_is_deleted(windows, site, partners):
    """The graph's kind, which its action says otherwise, and the rows and columns of a pivot table."""
    partners(1, city='Bergen')
    more = [created(site.admin.rpc(MODEL, 'create', [{'name': 'Live more', 'city': city}]))
            for city in ('Oslo', 'Kiel')]
    number = action(site, charts=True)
    with view(site, 'calendar', '<calendar date_start="create_date"/>'), \
            view(site, 'pivot', '<pivot><field name="city" type="row"/></pivot>'), \
            view(site, 'graph', '<graph type="bar"><field name="city"/></graph>'):
        site.admin.rpc('ir.actions.act_window', 'write', [[number], {
            'context': "{'graph_mode': 'bar', 'group_by': ['city']}"}])
        try:
            ann = windows()
            ann.page.goto(f'{site.url}/odoo/action-{number}?view_type=graph')
            ann.page.wait_for_selector('.o_graph_renderer canvas')
            ann.wait_for(lambda: test_live.following(ann))
            ann.page.click('.o_graph_button[data-mode=pie]')
            ann.page.wait_for_selector('.o_graph_button[data-mode=pie].active')
            with ann.page.expect_response(lambda answer: 'formatted_read_group' in answer.url) as answer:
                site.admin.rpc(MODEL, 'unlink', [[more.pop()]])
            assert 'Kiel' not in answer.value.text()
            ann.page.wait_for_timeout(2000)
            assert ann.page.locator('.o_graph_button[data-mode=pie].active').count()
            ann.page.goto(f'{site.url}/odoo/action-{number}?view_type=pivot')
            ann.page.locator('.o_pivot tbody th', has_text='Oslo').wait_for()
            ann.wait_for(lambda: test_live.following(ann))
            ann.page.click('.o_pivot_flip_button')
            ann.page.locator('.o_pivot thead th', has_text='Oslo').wait_for()
            site.admin.rpc(MODEL, 'unlink', [[more.pop()]])
            ann.page.locator('.o_pivot th', has_text='Oslo').wait_for(state='detached')
            assert ann.page.locator('.o_pivot thead th', has_text='Bergen').count()
        finally:
            site.admin.rpc('ir.actions.act_window', 'write', [[number], {'context': '{}'}])
            site.admin.rpc(MODEL, 'unlink', [more])


def test_a_form_that_is_typed_in_while_it_is_loaded_anew_asks(windows, site, partners):
    [one] = partners(1, city='Bergen')
    ann = form(windows(), site, one)
    held = Held(ann.page, 'web_read')
    held.holding = True
    site.admin.rpc(MODEL, 'write', [[one], {'city': 'Oslo'}])
    ann.wait_for(lambda: held.routes)
    city = ann.page.locator('.o_field_widget[name=city] input')
    city.fill('Ann writes')
    held.let_go()
    ann.page.locator('.o_live_bar').get_by_role('button', name='Show').wait_for()
    ann.page.click('.o_form_button_save')
    ann.page.locator('.modal', has_text='Save over it?').wait_for()
    assert city.input_value() == 'Ann writes'
    assert site.admin.rpc(MODEL, 'read', [[one], ['city']])[0]['city'] == 'Oslo'


def test_views_that_were_left_before_they_were_seen_leave_nothing_behind(windows, site, partners):
    """Another view is asked for before the first one is drawn, 20 times."""
    partners(1)
    ann = listing(windows(), site)
    ann.page.evaluate("""() => {
        window.listeners = 0;
        const { addEventListener, removeEventListener } = document;
        document.addEventListener = function (type) {
            window.listeners += type === "visibilitychange";
            return addEventListener.apply(this, arguments);
        };
        document.removeEventListener = function (type) {
            window.listeners -= type === "visibilitychange";
            return removeEventListener.apply(this, arguments);
        };
    }""")
    ann.page.evaluate("""async (action) => {
        const service = odoo.__WOWL_DEBUG__.root.env.services.action;
        for (let number = 0; number < 20; number++) {
            const viewType = number % 2 ? "list" : "kanban";
            service.doAction(action, { clearBreadcrumbs: true, viewType }).catch(() => {});
            await new Promise((resolve) => setTimeout(resolve, 15 * (number % 7)));
        }
        await service.doAction(action, { clearBreadcrumbs: true });
    }""", action(site))
    ann.page.wait_for_selector(ROW)
    ann.wait_for(lambda: test_live.following(ann))
    assert ann.page.evaluate('window.listeners') == 0
    assert len(ann.held_on('/changes')) == 1
