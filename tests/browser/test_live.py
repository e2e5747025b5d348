"""Live views: two people look at the same partners, and each sees what the other changes, without losing a thing."""

import re
import time
from pathlib import Path

import pytest

from tests.support.sql import sql

MODEL = 'res.partner'
# Seconds. The sidecar's look for what no host wakes it up for, and the pause between two reloads of one view.
BY_SQL = 6
ROWS = {'odoo-19.0': '.o_data_row', 'openerp-7.0': '.oe_list_content tr[data-id]'}
MARKED = {'odoo-19.0': '.o_data_row.o_live_changed', 'openerp-7.0': 'tr.o_live_changed'}


@pytest.fixture
def partners(site):
    """`partners(count, **values)`: ids of new partners with a name of their own; removed afterwards."""
    made = []

    def make(count, **values):
        ids = [created(site.admin.rpc(MODEL, 'create', [{'name': f'Live {number:02}', **values}]))
               for number in range(count)]
        made.extend(ids)
        return ids
    yield make
    site.admin.rpc(MODEL, 'unlink', [[record for record in made if site.admin.rpc(MODEL, 'search', [[
        ('id', '=', record)]])]])


@pytest.fixture
def editable(site):
    """Lists of partners are edited in place."""
    seven = site.host == 'openerp-7.0'
    kind = 'tree' if seven else 'list'
    multi = '' if seven else ' multi_edit="1"'
    view = created(site.admin.rpc('ir.ui.view', 'create', [{
        'name': 'live list', 'model': MODEL, 'type': kind, 'priority': 1,
        'arch': f'<{kind} editable="bottom"{multi} string="P"><field name="name"/><field name="city"/></{kind}>'}]))
    yield
    site.admin.rpc('ir.ui.view', 'unlink', [[view]])


def created(record) -> int:
    return record[0] if isinstance(record, list) else record


def action(site, charts: bool = False) -> int:
    """The id of an action that lists the partners of these tests in the order of their names."""
    seven = site.host == 'openerp-7.0'
    modes = 'tree,form' if seven else 'calendar,pivot,graph' if charts else 'list,kanban,form'
    found = site.admin.rpc('ir.actions.act_window', 'search', [[
        ('name', '=', 'Live partners'), ('view_mode', '=', modes)]])
    if found:
        return found[0]
    return created(site.admin.rpc('ir.actions.act_window', 'create', [{
        'name': 'Live partners', 'res_model': MODEL, 'domain': "[('name', 'like', 'Live')]",
        'view_mode': modes, **({'view_type': 'form'} if seven else {})}]))


def listing(window, site, view: str = 'list'):
    """Let the window show the partners of the tests in a list, and wait until it follows them."""
    number = action(site)
    if site.host == 'openerp-7.0':
        window.page.goto('about:blank')
        window.page.goto(f'{site.url}/?db={site.db}#action={number}&model={MODEL}&view_type={view}')
    else:
        window.page.goto(f'{site.url}/odoo/action-{number}?view_type={view}')
    window.page.wait_for_selector(ROWS[site.host] if view == 'list' else '.o_kanban_record')
    window.wait_for(lambda: following(window), what='the list is followed')
    return window


def form(window, site, record: int):
    number = action(site)
    if site.host == 'openerp-7.0':
        window.page.goto('about:blank')
        window.page.goto(f'{site.url}/?db={site.db}#action={number}&id={record}&model={MODEL}&view_type=form')
        window.page.wait_for_selector('.oe_form_field')
    else:
        window.page.goto(f'{site.url}/odoo/action-{number}/{record}')
        window.page.wait_for_selector('.o_form_view .o_field_widget[name=name]')
    window.wait_for(lambda: following(window), what='the form is followed')
    return window


def following(window) -> bool:
    return any(poll['channels'] == [f'model:{MODEL}'] for poll in window.held_on('/changes'))


def names(window, site) -> list[str]:
    return [row.split('\n')[0].split('\t')[0].strip() for row in window.page.locator(ROWS[site.host]).all_inner_texts()]


def seen(window, site, text: str, begun: float, seconds: float = 15) -> float:
    """Wait until the text is in a row; milliseconds since `begun`."""
    window.page.locator(ROWS[site.host], has_text=text).first.wait_for(timeout=seconds * 1000)
    took = (time.monotonic() - begun) * 1000
    print(f'{site.host}: {text!r} seen after {took:.0f} ms')
    return took


def picture(window, name: str):
    folder = Path('.sandbox/pictures')
    folder.mkdir(exist_ok=True)
    window.page.screenshot(path=folder / f'{window.stack.host}-{name}.png')
    window.page.set_viewport_size({'width': 390, 'height': 844})
    window.page.wait_for_timeout(300)
    window.page.screenshot(path=folder / f'{window.stack.host}-{name}-390.png')
    window.page.set_viewport_size({'width': 1280, 'height': 800})


def test_a_list_shows_what_a_colleague_changes_creates_and_deletes(windows, site, partners):
    one, two, _ = partners(3)
    ann = listing(windows('ann'), site)
    begun = time.monotonic()
    site.admin.rpc(MODEL, 'write', [[two], {'name': 'Live changed'}])
    seen(ann, site, 'Live changed', begun)
    ann.page.wait_for_selector(MARKED[site.host])
    picture(ann, 'list-changed')
    begun = time.monotonic()
    [three] = partners(1, name='Live created')
    seen(ann, site, 'Live created', begun)
    site.admin.rpc(MODEL, 'unlink', [[one]])
    ann.page.locator(ROWS[site.host], has_text='Live 00').wait_for(state='detached')
    begun = time.monotonic()
    shown = 'name' if site.host == 'openerp-7.0' else 'complete_name'
    sql(site, f"UPDATE res_partner SET {shown} = 'Live by SQL' WHERE id = %s", (three,))
    assert seen(ann, site, 'Live by SQL', begun) < BY_SQL * 1000
    assert ann.page.locator(ROWS[site.host]).count() == 3


def test_a_form_shows_what_a_colleague_changes(windows, site, partners):
    [one] = partners(1)
    ann = form(windows(), site, one)
    begun = time.monotonic()
    site.admin.rpc(MODEL, 'write', [[one], {'city': 'Reykjavik'}])
    ann.wait_for(lambda: 'Reykjavik' in value_of(ann, site, 'city'))
    print(f'{site.host}: a form after {(time.monotonic() - begun) * 1000:.0f} ms')


def value_of(window, site, name: str) -> str:
    if site.host == 'openerp-7.0':
        return window.page.locator('.oe_formview').first.inner_text()
    return window.page.input_value(f'.o_field_widget[name={name}] input')


def test_a_form_that_is_edited_is_left_alone_and_saving_over_it_asks(windows, site, partners):
    """A bar says who has changed it, what differs, and the user's own words stay where they are."""
    if site.host == 'openerp-7.0':
        return edited_on_openerp(windows, site, partners)
    [one] = partners(1)
    ann = form(windows(), site, one)
    city = ann.page.locator('.o_field_widget[name=city] input')
    city.click()
    ann.page.keyboard.type('Ann writes')
    site.admin.rpc(MODEL, 'write', [[one], {'city': 'Oslo', 'zip': '0150'}])
    bar = ann.page.locator('.o_live_bar')
    bar.wait_for()
    assert 'Changed by' in bar.inner_text() and 'ago' in bar.inner_text()
    assert city.input_value() == 'Ann writes'
    assert ann.page.evaluate('document.activeElement.value') == 'Ann writes'
    ann.page.keyboard.type(' on')
    bar.get_by_role('button', name='Show').click()
    differs = bar.locator('tbody tr')
    differs.filter(has_text='Ann writes on').filter(has_text='Oslo').wait_for()
    differs.filter(has_text='0150').wait_for()
    picture(ann, 'form-edited')
    ann.page.click('.o_form_button_save')
    ann.page.locator('.modal', has_text='Save over it?').wait_for()
    picture(ann, 'form-asks')
    ann.page.locator('.modal button', has_text='Cancel').first.click()
    [values] = site.admin.rpc(MODEL, 'read', [[one], ['city', 'zip']])
    assert (values['city'], values['zip']) == ('Oslo', '0150')
    ann.page.click('.o_form_button_save')
    ann.page.locator('.modal button', has_text='Save mine').click()
    bar.wait_for(state='detached')
    [values] = site.admin.rpc(MODEL, 'read', [[one], ['city', 'zip']])
    assert (values['city'], values['zip']) == ('Ann writes on', '0150')


def edited_on_openerp(windows, site, partners):
    [one] = partners(1)
    ann = form(windows(), site, one)
    ann.page.click('.oe_form_button_edit')
    city = ann.page.locator('.oe_form_editable input[placeholder=City]')
    city.fill('Ann writes')
    site.admin.rpc(MODEL, 'write', [[one], {'city': 'Oslo', 'zip': '0150'}])
    bar = ann.page.locator('.o_live_bar')
    bar.wait_for()
    assert 'Changed by' in bar.inner_text()
    assert city.input_value() == 'Ann writes'
    bar.get_by_role('button', name='Show').click()
    bar.locator('tbody tr').filter(has_text='Ann writes').filter(has_text='Oslo').wait_for()
    picture(ann, 'form-edited')


def test_a_save_asks_about_what_the_page_has_not_been_told_of(windows, site, partners):
    """What a colleague did a moment ago, by SQL, is found by one read before the save. A save without an answer to that
    read goes on.
    """
    seven = site.host == 'openerp-7.0'
    [one] = partners(1, city='Bergen')
    ann = form(windows(), site, one)
    ann.page.evaluate("Object.defineProperty(document, 'hidden', {value: true})")     # it waits
    read, write = ('"method":"read"', '"method":"write"') if seven else ('"method":"web_read"', '"method":"web_save"')
    city = ann.page.locator(
        '.oe_form_editable input[placeholder=City]' if seven else '.o_field_widget[name=city] input')
    save = ann.page.locator('.oe_form_button_save' if seven else '.o_form_button_save')
    asked, calls = [], []
    ann.page.on('dialog', lambda dialog: (asked.append(dialog.message), dialog.dismiss()))

    def edit(text):
        if seven:
            ann.page.click('.oe_form_button_edit')
        city.fill(text)

    def call(route):
        body = (route.request.post_data or '').replace(': ', ':')
        if f'"model":"{MODEL}"' in body and (read in body or write in body):
            calls.append('read' if read in body else 'write')
            if calls == ['read']:
                return route.abort()
        route.continue_()
    ann.page.route('**/web/dataset/call_kw/**', call)
    ann.page.route('**/web/dataset/call_kw', call)
    ann.expect('ERR_FAILED')

    def city_is(text):
        return site.admin.rpc(MODEL, 'read', [[one], ['city']])[0]['city'] == text
    edit('Ann writes')
    save.click()
    ann.wait_for(lambda: city_is('Ann writes'), what='it is saved, though it could not be read')
    assert calls[:2] == ['read', 'write']
    save.wait_for(state='hidden')
    edit('Ann writes on')
    sql(site, "UPDATE res_partner SET city = 'Oslo' WHERE id = %s", (one,))
    del calls[:]
    calls.append('')
    save.click()
    if seven:
        ann.wait_for(lambda: asked, what='saving asks')
        assert 'City has changed meanwhile' in asked[0]
    else:
        ann.page.locator('.modal', has_text='Save over it?').filter(has_text='City').wait_for()
        picture(ann, 'form-asks-of-the-server')
        ann.page.locator('.modal button', has_text='Cancel').first.click()
    ann.page.locator('.o_live_bar').get_by_role('button', name='Show').click()
    ann.page.locator('.o_live_bar tbody tr', has_text='Ann writes on').filter(has_text='Oslo').wait_for()
    picture(ann, 'form-asked')
    assert calls == ['', 'read'] and city_is('Oslo')


@pytest.fixture
def note(site):
    """The name of a field in HTML that the form of partners shows; OpenERP 7.0 has none before."""
    if site.host != 'openerp-7.0':
        yield 'comment'
        return
    [model] = site.admin.rpc('ir.model', 'search', [[('model', '=', MODEL)]])
    site.admin.rpc('ir.model.fields', 'create', [{
        'name': 'x_live_note', 'field_description': 'Notes', 'model': MODEL, 'model_id': model, 'ttype': 'html',
        'state': 'manual'}])
    _, inherited = site.admin.rpc('ir.model.data', 'get_object_reference', ['base', 'view_partner_form'])
    view = site.admin.rpc('ir.ui.view', 'create', [{
        'name': 'live note', 'model': MODEL, 'type': 'form', 'inherit_id': inherited,
        'arch': '<field name="website" position="after"><field name="x_live_note" string="Notes"/></field>'}])
    yield 'x_live_note'
    site.admin.rpc('ir.ui.view', 'unlink', [[view]])      # not the field: the registry would go on with it


def test_texts_in_html_are_compared_and_asked_about(windows, site, partners, note):
    seven = site.host == 'openerp-7.0'
    [one] = partners(1, **{note: '<p>To begin with</p>'})
    ann = form(windows(), site, one)
    asked = []
    ann.page.on('dialog', lambda dialog: (asked.append(dialog.message), dialog.accept()))
    if seven:
        ann.page.click('.oe_form_button_edit')
        text = ann.page.frame_locator('.cleditorMain iframe').locator('body')
        save = ann.page.locator('.oe_form_button_save')
    else:
        ann.page.get_by_role('tab', name='Notes').click()
        text = ann.page.locator('.o_field_widget[name=comment] .odoo-editor-editable')
        save = ann.page.locator('.o_form_button_save')
    text.click()
    ann.page.keyboard.press('Control+End')
    ann.page.keyboard.type(', says Ann')
    site.admin.rpc(MODEL, 'write', [[one], {note: '<p>To begin <b>without</b></p><p>Her</p>'}])
    bar = ann.page.locator('.o_live_bar')
    bar.wait_for()
    bar.get_by_role('button', name='Show').click()
    differs = bar.locator('tbody tr').filter(has_text='Notes')
    differs.filter(has_text='To begin with, says Ann').filter(has_text='To begin without Her').wait_for()
    picture(ann, 'form-html')
    save.click()
    if seven:
        ann.wait_for(lambda: asked, what='saving asks')
        assert 'Notes has changed meanwhile' in asked[0]
    else:
        ann.page.locator('.modal', has_text='Save over it?').filter(has_text='Notes').wait_for()
        ann.page.locator('.modal button', has_text='Save mine').click()
    ann.wait_for(lambda: ', says Ann' in site.admin.rpc(MODEL, 'read', [[one], [note]])[0][note])
    bar.wait_for(state='detached')
    site.admin.rpc(MODEL, 'write', [[one], {'city': 'Oslo'}])
    ann.wait_for(lambda: 'Oslo' in value_of(ann, site, 'city'), what='what is saved is no difference')


@pytest.mark.only_on('odoo-19.0')
def test_properties_are_compared_and_asked_about(windows, site, partners):
    """A save writes all of them: one that a colleague has changed would be as it was before."""
    [field] = site.admin.rpc('ir.model.fields', 'search', [[('model', '=', MODEL), ('name', '=', 'properties')]])
    definitions = [
        {'name': 'aa11', 'type': 'char', 'string': 'Nickname'},
        {'name': 'bb22', 'type': 'many2one', 'string': 'Friend', 'comodel': MODEL},
        {'name': 'cc33', 'type': 'tags', 'string': 'Likes', 'tags': [['tea', 'Tea', 1], ['jam', 'Jam', 2]]},
        {'name': 'dd44', 'type': 'date', 'string': 'Met'}]
    [base] = site.admin.rpc('properties.base.definition', 'search', [[('properties_field_id', '=', field)]]) or \
        site.admin.rpc('properties.base.definition', 'create', [[{'properties_field_id': field}]])
    site.admin.rpc('properties.base.definition', 'write', [[base], {'properties_definition': definitions}])
    one, friend = partners(2)
    values = {'aa11': 'Al', 'bb22': False, 'cc33': ['tea'], 'dd44': '2026-01-31'}
    site.admin.rpc(MODEL, 'write', [[one], {'properties': values}])
    ann = form(windows(), site, one)
    ann.page.locator('.o_field_properties input').first.fill('Ally')
    ann.page.keyboard.press('Tab')
    site.admin.rpc(MODEL, 'write', [[one], {'properties': {**values, 'bb22': friend, 'cc33': ['tea', 'jam']}}])
    bar = ann.page.locator('.o_live_bar')
    bar.wait_for()
    bar.get_by_role('button', name='Show').click()
    differs = bar.locator('tbody tr').filter(has_text='Nickname: Ally; Friend: –')
    differs.filter(has_text=re.compile('Nickname: Al; Friend: Live 01; Likes: Tea, Jam; Met: ')).wait_for()
    picture(ann, 'form-properties')
    ann.page.click('.o_form_button_save')
    ann.page.locator('.modal', has_text='Save over it?').wait_for()
    ann.page.locator('.modal button', has_text='Cancel').first.click()
    bar.get_by_role('button', name='Discard mine').click()
    bar.wait_for(state='detached')
    ann.wait_for(lambda: ann.page.locator('.o_field_properties input').first.input_value() == 'Al')


def test_selection_and_scroll_stay(windows, site, partners):
    ids = partners(40)
    ann = listing(windows('ann'), site)
    ann.page.set_viewport_size({'width': 1280, 'height': 500})
    rows = ann.page.locator(ROWS[site.host])
    rows.nth(30).locator('input[type=checkbox]').check()
    place = ann.page.evaluate("""() => {
        const all = [...document.querySelectorAll('*')].filter((one) => one.scrollTop > 0);
        window.place = all[0] || document.scrollingElement;
        return window.place.scrollTop;
    }""")
    site.admin.rpc(MODEL, 'write', [[ids[29]], {'name': 'Live 29 changed'}])
    seen(ann, site, 'Live 29 changed', time.monotonic())
    assert rows.nth(30).locator('input[type=checkbox]').is_checked()
    assert ann.page.locator(f'{ROWS[site.host]} input[type=checkbox]:checked').count() == 1
    assert ann.page.evaluate('window.place.isConnected ? window.place.scrollTop : -1') == place


def test_a_hidden_tab_waits_until_it_is_seen(windows, site, partners):
    [one] = partners(1)
    ann = listing(windows('ann'), site)
    ann.page.evaluate("""() => {
        Object.defineProperty(document, 'hidden', {value: true, configurable: true});
    }""")
    site.admin.rpc(MODEL, 'write', [[one], {'name': 'Live while hidden'}])
    ann.page.wait_for_timeout(3000)
    assert 'Live while hidden' not in '\n'.join(names(ann, site))
    ann.page.evaluate("""() => {
        Object.defineProperty(document, 'hidden', {value: false, configurable: true});
        document.dispatchEvent(new Event('visibilitychange'));
    }""")
    seen(ann, site, 'Live while hidden', time.monotonic())


def test_who_else_looks_at_the_record_is_shown(windows, site, partners):
    """In the form's header."""
    [one] = partners(1)
    ann, bob = form(windows('ann'), site, one), form(windows(), site, one)
    ann.page.locator('.o_live_people', has_text='Administrator').wait_for()
    bob.page.locator('.o_live_people', has_text=re.compile('ann', re.I)).wait_for()
    if site.host == 'openerp-7.0':
        bob.page.click('.oe_form_button_edit')
    else:
        bob.page.fill('.o_field_widget[name=city] input', 'B')
        bob.page.locator('.o_field_widget[name=zip] input').focus()
    ann.page.locator('.o_live_people', has_text='Administrator is editing').wait_for()
    picture(ann, 'form-people')
    bob.page.goto('about:blank')
    ann.page.locator('.o_live_people').wait_for(state='detached')


@pytest.mark.only_on('odoo-19.0')
def test_who_looks_at_the_record_of_a_card_is_shown_on_it(windows, site, partners):
    """Unless the administrator has switched that off."""
    one, _ = partners(2)
    ann = listing(windows('ann'), site, 'kanban')
    bob = form(windows(), site, one)
    card = ann.page.locator('.o_kanban_record', has_text='Live 00')
    card.locator('.o_live_people img[title*=looking]').wait_for()
    assert ann.page.locator('.o_live_people').count() == 1
    bob.page.fill('.o_field_widget[name=city] input', 'B')
    bob.page.locator('.o_field_widget[name=zip] input').focus()
    card.locator('.o_live_people img.o_live_editing').wait_for()
    picture(ann, 'kanban-faces')
    bob.page.locator('.o_form_button_cancel').click()
    bob.page.goto('about:blank')
    card.locator('.o_live_people').wait_for(state='detached')
    site.admin.rpc('ir.config_parameter', 'set_param', ['web_longpolling_live.cards', 'False'])
    try:
        listing(ann, site, 'kanban')
        assert not ann.page.evaluate('odoo.loader.modules.get("@web/session").session.longpolling_live.cards')
    finally:
        site.admin.rpc('ir.config_parameter', 'set_param', ['web_longpolling_live.cards', 'True'])


@pytest.mark.only_on('odoo-19.0')
def test_calendars_pivot_tables_and_graphs_are_loaded_again(windows, site, partners):
    one, _ = partners(2, city='Bergen')
    views = [created(site.admin.rpc('ir.ui.view', 'create', [{
        'name': f'live {kind}', 'model': MODEL, 'type': kind, 'priority': 1, 'arch': arch}])) for kind, arch in (
            ('calendar', '<calendar date_start="create_date"><field name="city"/></calendar>'),
            ('pivot', '<pivot><field name="city" type="row"/></pivot>'),
            ('graph', '<graph type="bar"><field name="city"/></graph>'))]
    try:
        ann = windows('ann')
        for kind, place, city in (('calendar', '.fc-event', 'Oslo'), ('pivot', '.o_pivot th', 'Turku'),
                                  ('graph', '.o_graph_renderer canvas', 'Kiel')):
            ann.page.goto(f'{site.url}/odoo/action-{action(site, charts=True)}?view_type={kind}')
            ann.page.wait_for_selector(place)
            ann.wait_for(lambda: following(ann), what=f'the {kind} is followed')
            if kind == 'graph':
                with ann.page.expect_response(lambda answer: 'formatted_read_group' in answer.url) as answer:
                    site.admin.rpc(MODEL, 'write', [[one], {'city': city}])
                assert city in answer.value.text()
            else:
                site.admin.rpc(MODEL, 'write', [[one], {'city': city}])
                ann.page.locator(place, has_text=city if kind == 'pivot' else 'Live').first.wait_for()
            if kind == 'calendar':
                site.admin.rpc(MODEL, 'write', [[one], {'name': 'Live moved'}])
                ann.page.locator(place, has_text='Live moved').first.wait_for()     # two pieces late at night
            picture(ann, kind)
    finally:
        site.admin.rpc('ir.ui.view', 'unlink', [views])


@pytest.mark.only_on('odoo-19.0')
def test_a_row_that_is_typed_in_is_left_alone(windows, site, partners, editable):
    """A bar says that something has changed; the list is brought up to date when the row is saved."""
    one, two = partners(2)
    try:
        ann = listing(windows(), site)
        row = ann.page.locator(ROWS[site.host], has_text='Live 00')
        row.locator('[name=city]').click()
        cell = ann.page.locator('.o_selected_row [name=city] input')
        cell.wait_for()
        ann.page.keyboard.type('Ann writes')
        site.admin.rpc(MODEL, 'write', [[one, two], {'name': 'Live by a colleague'}])
        ann.page.locator('.o_live_bar').wait_for()
        assert cell.input_value() == 'Ann writes'
        ann.page.keyboard.type(' on')
        picture(ann, 'list-typing')
        site.admin.rpc(MODEL, 'load', [['name'], [[f'Live 0 imported {number:03}'] for number in range(60)]])
        assert cell.input_value() == 'Ann writes on'
        ann.page.click('.o_list_button_save')
        ann.page.locator(ROWS[site.host], has_text='Live by a colleague').filter(has_text='Ann writes on').wait_for()
        ann.page.locator(ROWS[site.host], has_text='Live by a colleague').nth(1).wait_for()
        ann.page.locator(ROWS[site.host], has_text='Live 0 imported').first.wait_for()
        ann.page.locator('.o_live_bar').wait_for(state='detached')
    finally:
        site.admin.rpc(MODEL, 'unlink', [site.admin.rpc(MODEL, 'search', [[('name', 'like', 'Live 0 imported')]])])


def open_row(window, site, name: str):
    """Edit the city in the row of that name; returns its input."""
    row = window.page.locator(ROWS[site.host], has_text=name)
    if site.host == 'openerp-7.0':
        row.locator('td[data-field=city]').click()
        cell = window.page.locator('.oe_form_field[data-fieldname=city] input')
    else:
        row.locator('[name=city]').click()
        cell = window.page.locator('.o_selected_row [name=city] input')
    cell.wait_for()
    return cell


def test_saving_a_row_over_a_colleagues_change_asks(windows, site, partners, editable):
    """As in a form, however the row is left; a colleague's change of another row asks nothing."""
    one, two = partners(2, city='Bergen')
    ann = listing(windows(), site)
    asked = []
    ann.page.on('dialog', lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    cell = open_row(ann, site, 'Live 00')
    cell.fill('Ann writes')
    site.admin.rpc(MODEL, 'write', [[two], {'city': 'Turku'}])
    bar = ann.page.locator('.o_live_bar')
    bar.wait_for()
    assert bar.get_by_role('button').count() == 0
    site.admin.rpc(MODEL, 'write', [[one], {'city': 'Oslo'}])
    bar.get_by_role('button', name='Show').click()
    assert 'Changed by' in bar.inner_text()
    bar.locator('tbody tr').filter(has_text='Ann writes').filter(has_text='Oslo').wait_for()
    assert cell.input_value() == 'Ann writes'
    picture(ann, 'row-edited')

    def city_is(city):
        return site.admin.rpc(MODEL, 'read', [[one], ['city']])[0]['city'] == city
    cell.press('Enter')
    if site.host == 'openerp-7.0':
        ann.wait_for(lambda: asked, what='saving asks')
        assert 'City has changed meanwhile' in asked[0] and city_is('Oslo')
        assert cell.input_value() == 'Ann writes'
        bar.get_by_role('button', name='Discard mine').click()
        ann.page.locator(ROWS[site.host], has_text='Live 00').filter(has_text='Oslo').wait_for()
        bar.wait_for(state='detached')
        return
    else:
        ann.page.locator('.modal', has_text='Save over it?').wait_for()
        picture(ann, 'row-asks')
        ann.page.locator('.modal button', has_text='Cancel').first.click()
        assert city_is('Oslo') and cell.input_value() == 'Ann writes'
        ann.page.click('.o_control_panel')          # leaving the row saves it, too
        ann.page.locator('.modal button', has_text='Save mine').click()
    ann.wait_for(lambda: city_is('Ann writes'))


@pytest.mark.only_on('odoo-19.0')
def test_saving_several_rows_over_a_colleagues_change_asks(windows, site, partners, editable):
    """Of several rows that are edited together, a colleague has changed another one than that in which was typed."""
    ids = partners(2, city='Bergen')
    ann = listing(windows(), site)
    boxes = ann.page.locator(f'{ROWS[site.host]} input[type=checkbox]')
    boxes.nth(0).check()
    boxes.nth(1).check()
    cell = open_row(ann, site, 'Live 00')
    cell.fill('Ann writes')
    site.admin.rpc(MODEL, 'write', [[ids[1]], {'city': 'Oslo'}])
    bar = ann.page.locator('.o_live_bar')
    bar.get_by_role('button', name='Show').click()
    bar.locator('tbody tr', has_text='Live 01: City').filter(has_text='Oslo').wait_for()
    cell.press('Enter')
    ann.page.locator('.modal', has_text='Save over it?').locator('button', has_text='Cancel').first.click()
    bar.wait_for(state='detached')
    assert [one['city'] for one in site.admin.rpc(MODEL, 'read', [ids, ['city']])] == ['Bergen', 'Oslo']


@pytest.mark.only_on('odoo-19.0')
@pytest.mark.parametrize('view', ['form', 'list'])
def test_closing_the_page_does_not_save_over_a_colleagues_change(windows, site, partners, editable, view):
    """Odoo saves what was typed when its page is closed: over a colleague's change, the browser asks first."""
    [one] = partners(1)
    ann = form(windows(), site, one) if view == 'form' else listing(windows(), site)
    cell = open_row(ann, site, 'Live 00') if view == 'list' else ann.page.locator('.o_field_widget[name=city] input')
    cell.click()
    cell.fill('Ann writes')
    site.admin.rpc(MODEL, 'write', [[one], {'city': 'Oslo'}])
    ann.page.locator('.o_live_bar').get_by_role('button', name='Show').wait_for()
    asked = []
    ann.page.on('dialog', lambda dialog: (asked.append(dialog.type), dialog.accept()))
    ann.page.close(run_before_unload=True)
    windows('ann').wait_for(lambda: asked)
    [values] = site.admin.rpc(MODEL, 'read', [[one], ['city']])
    assert asked == ['beforeunload'] and values['city'] == 'Oslo'


@pytest.mark.only_on('odoo-19.0')
def test_a_row_inside_a_form_is_live_and_saving_over_it_asks(windows, site, partners):
    """The contacts of a company, in a list inside its form: what is changed of them without the company is seen."""
    [company] = partners(1, is_company=True)
    [contact] = partners(1, parent_id=company, name='Live contact')
    view = created(site.admin.rpc('ir.ui.view', 'create', [{
        'name': 'live form', 'model': MODEL, 'type': 'form', 'priority': 1, 'arch': """
            <form><field name="name"/><field name="child_ids"><list editable="bottom">
                <field name="name"/><field name="function"/></list></field></form>"""}]))
    try:
        ann = form(windows(), site, company)
        row = ann.page.locator('.o_data_row', has_text='Live contact')
        row.wait_for()
        ann.wait_for(lambda: len(ann.held_on('/changes')) == 2, what='form and rows are followed')
        site.admin.rpc(MODEL, 'write', [[contact], {'function': 'Cook'}])
        row.filter(has_text='Cook').wait_for()
        partners(1, parent_id=company, name='Live newcomer')
        ann.page.locator('.o_data_row', has_text='Live newcomer').wait_for()
        row.locator('[name=function]').click()
        ann.page.locator('.o_selected_row [name=function] input').fill('Painter')
        site.admin.rpc(MODEL, 'write', [[contact], {'function': 'Doctor'}])
        bar = ann.page.locator('.o_live_bar')
        bar.get_by_role('button', name='Show').click()
        bar.locator('tbody tr', has_text='Painter').filter(has_text='Doctor').wait_for()
        picture(ann, 'form-row-edited')
        ann.page.click('.o_form_button_save')
        ann.page.locator('.modal', has_text='Save over it?').wait_for()
        assert site.admin.rpc(MODEL, 'read', [[contact], ['function']])[0]['function'] == 'Doctor'
        ann.page.locator('.modal button', has_text='Save mine').click()
        bar.wait_for(state='detached')
        assert site.admin.rpc(MODEL, 'read', [[contact], ['function']])[0]['function'] == 'Painter'
    finally:
        site.admin.rpc('ir.ui.view', 'unlink', [[view]])


@pytest.mark.only_on('openerp-7.0')
def test_rows_inside_a_form_of_openerp_are_live_and_saving_over_them_asks(windows, site, partners):
    """Contacts of a company and its categories, in lists inside its form, in place: other rows are not drawn anew."""
    [company] = partners(1, is_company=True)
    contact, other = partners(2, parent_id=company)
    site.admin.rpc(MODEL, 'write', [[contact], {'name': 'Live contact'}])
    category = created(site.admin.rpc('res.partner.category', 'create', [{'name': 'Live category'}]))
    site.admin.rpc(MODEL, 'write', [[company], {'category_id': [[6, 0, [category]]]}])
    watch = created(site.admin.rpc('longpolling.watch', 'create', [{'model': 'res.partner.category'}]))
    view = created(site.admin.rpc('ir.ui.view', 'create', [{
        'name': 'live form', 'model': MODEL, 'type': 'form', 'priority': 0, 'arch': """
            <form string="P" version="7.0"><field name="name"/><field name="city"/>
                <field name="child_ids"><tree string="C" editable="bottom">
                    <field name="name"/><field name="function"/></tree></field>
                <field name="category_id" widget="many2many"><tree string="K"><field name="name"/></tree></field>
            </form>"""}]))

    def function() -> str:
        return site.admin.rpc(MODEL, 'read', [[contact], ['function']])[0]['function']

    def edit_row(text: str):
        ann.page.click('.oe_form_button_edit')
        row.locator('td[data-field=function]').click()
        ann.page.locator('.oe_form_field[data-fieldname=function] input').fill(text)
    try:
        ann = form(windows(), site, company)
        asked = []
        ann.page.on('dialog', lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
        row = ann.page.locator('.oe_formview tr[data-id]', has_text='Live contact')
        row.wait_for()
        ann.wait_for(lambda: len(ann.held_on('/changes')) == 2, what='one poll for each of the two models')
        site.admin.rpc(MODEL, 'write', [[contact], {'function': 'Cook'}])
        row.filter(has_text='Cook').wait_for()
        ann.page.wait_for_selector('.oe_formview tr.o_live_changed')
        picture(ann, 'form-rows')
        partners(1, parent_id=company, name='Live newcomer')
        ann.page.locator('.oe_formview tr[data-id]', has_text='Live newcomer').wait_for()
        sibling = ann.page.locator(f'.oe_formview tr[data-id="{other}"]').element_handle()
        site.admin.rpc('res.partner.category', 'write', [[category], {'name': 'Live category changed'}])
        ann.page.locator('.oe_formview tr[data-id]', has_text='Live category changed').wait_for()
        site.admin.rpc(MODEL, 'write', [[company], {
            'city': 'Oslo', 'child_ids': [[1, contact, {'function': 'Baker'}]]}])
        row.filter(has_text='Baker').wait_for()
        ann.page.locator('.oe_formview', has_text='Oslo').wait_for()
        assert sibling.evaluate('(row) => row.isConnected')
        edit_row('Painter')
        site.admin.rpc(MODEL, 'write', [[contact], {'function': 'Doctor'}])
        bar = ann.page.locator('.o_live_bar')
        bar.get_by_role('button', name='Show').click()
        assert 'Changed by' in bar.inner_text()
        bar.locator('tbody tr', has_text='Live contact').filter(has_text='Painter').filter(has_text='Doctor').wait_for()
        picture(ann, 'form-row-edited')
        ann.page.click('.oe_form_button_save')
        ann.wait_for(lambda: asked, what='saving asks')
        assert 'Live contact: ' in asked.pop() and function() == 'Doctor'
        bar.get_by_role('button', name='Discard mine').click()
        row.filter(has_text='Doctor').wait_for()
        bar.wait_for(state='detached')
        ann.page.evaluate("Object.defineProperty(document, 'hidden', {value: true})")     # it waits
        ann.page.click('.oe_form_button_cancel')
        edit_row('Painter')
        sql(site, "UPDATE res_partner SET function = 'Nurse' WHERE id = %s", (contact,))
        ann.page.click('.oe_form_button_save')
        ann.wait_for(lambda: asked, what='saving asks about what the page has not been told of')
        assert 'Live contact: ' in asked.pop() and function() == 'Nurse'
    finally:
        site.admin.rpc('ir.ui.view', 'unlink', [[view]])
        site.admin.rpc('longpolling.watch', 'unlink', [[watch]])
        site.admin.rpc('res.partner.category', 'unlink', [[category]])


@pytest.mark.only_on('odoo-19.0')
def test_a_card_moves_to_another_column(windows, site, partners):
    """A colleague moves it; a folded column stays folded."""
    one, two = partners(2, type='contact')
    site.admin.rpc(MODEL, 'write', [[two], {'type': 'invoice'}])
    number = action(site)
    site.admin.rpc('ir.actions.act_window', 'write', [[number], {'context': "{'group_by': 'type'}"}])
    try:
        ann = listing(windows('ann'), site, 'kanban')
        columns = ann.page.locator('.o_kanban_group')
        invoice = columns.filter(has_text='Invoice')
        columns.filter(has_text='Contact').locator('.o_kanban_record', has_text='Live 00').wait_for()
        begun = time.monotonic()
        site.admin.rpc(MODEL, 'write', [[one], {'type': 'invoice'}])
        invoice.locator('.o_kanban_record', has_text='Live 00').wait_for()
        print(f'{site.host}: a card has moved after {(time.monotonic() - begun) * 1000:.0f} ms')
        ann.page.wait_for_selector('.o_kanban_record.o_live_changed')
        picture(ann, 'kanban-moved')
    finally:
        site.admin.rpc('ir.actions.act_window', 'write', [[number], {'context': '{}'}])


def test_an_import_of_many_rows_is_seen(windows, site, partners):
    [one] = partners(1)
    ann = listing(windows('ann'), site)
    begun = time.monotonic()
    more = ('', '') if site.host == 'openerp-7.0' else (', complete_name', ", 'Live 0 imported'")
    sql(site, f"INSERT INTO res_partner (name, active, type{more[0]}) "
              f"SELECT 'Live 0 imported', true, 'contact'{more[1]} FROM generate_series(1, 2000)")
    try:
        seen(ann, site, 'Live 0 imported', begun)
    finally:
        sql(site, "DELETE FROM res_partner WHERE name = 'Live 0 imported'")
