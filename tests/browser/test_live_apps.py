"""Live views of the applications of Odoo's community edition: their own kanbans and lists, in a real Chromium."""

import contextlib

import pytest

from tests.browser.windows import Window
from tests.support.clients import visit

# OpenERP 7.0's packages have none of them.
pytestmark = pytest.mark.only_on('odoo-19.0')


@pytest.fixture(scope='module')
def apps(host, up):
    """A stack with the applications."""
    with up(host, install=('web_longpolling_live', 'project', 'crm', 'sale_management', 'stock')) as stack:
        stack.admin = visit(stack, stack.login, stack.password)
        yield stack


@pytest.fixture
def window(apps, browser):
    context = browser.new_context(viewport={'width': 1280, 'height': 800})
    with contextlib.closing(context):
        window = Window(context, apps)
        window.expect('selfie_segmentation')        # a library of mail's that Debian's package of Odoo does not hold
        window.log_in(apps.login, apps.password)
        yield window
        assert not window.complaints()


def opened(window, address: str, model: str, place: str) -> Window:
    window.page.goto(f'{window.stack.url}/odoo/{address}')
    window.page.wait_for_selector(place)
    window.wait_for(lambda: any(f'model:{model}' in (poll['channels'] or ()) for poll in window.held_on('/changes')),
                    what=f'{model} is followed')
    return window


def picture(window, name: str):
    window.page.screenshot(path=f'.sandbox/pictures/odoo-19.0-{name}.png')


def action(admin, model: str, modes: str, domain: str, context: str = '{}') -> str:
    [made] = admin.rpc('ir.actions.act_window', 'create', [[{
        'name': f'Live {model}', 'res_model': model, 'view_mode': modes, 'domain': domain, 'context': context}]])
    return f'action-{made}'


def test_the_applications_views_are_live(apps, window):
    """Cards of tasks and opportunities change columns, lists of orders and transfers change rows, and what is planned
    for a task appears in its view of activities.
    """
    admin = apps.admin
    admin.rpc('longpolling.watch', 'suggest_all', [])
    listed = {watch['model'] for watch in admin.rpc('longpolling.watch', 'search_read', [[], ['model']])}
    assert {'project.task', 'project.tags', 'crm.lead', 'crm.stage', 'sale.order', 'product.template', 'stock.picking',
            'stock.warehouse', 'mail.activity', 'res.partner'} <= listed
    assert not [name for name in listed if name.startswith('ir.') or name in ('res.users', 'res.groups', 'res.company')]
    print(f'{len(listed)} business models: {sorted(listed)}')
    [project] = admin.rpc('project.project', 'create', [[{'name': 'Live project'}]])
    stages = admin.rpc('project.task.type', 'create', [[
        {'name': name, 'project_ids': [[4, project]]} for name in ('Live first', 'Live second')]])
    task, other = admin.rpc('project.task', 'create', [[
        {'name': name, 'project_id': project, 'stage_id': stages[0]} for name in ('Live task', 'Live other')]])
    won = admin.rpc('crm.stage', 'search', [[]])[1]
    [[won_name]] = [[stage['name']] for stage in admin.rpc('crm.stage', 'read', [[won], ['name']])]
    [lead] = admin.rpc('crm.lead', 'create', [[{'name': 'Live lead', 'type': 'opportunity'}]])
    tasks = action(admin, 'project.task', 'kanban,activity', f"[('project_id', '=', {project})]",
                   "{'group_by': 'stage_id'}")
    leads = action(admin, 'crm.lead', 'kanban', "[('type', '=', 'opportunity')]", "{'group_by': 'stage_id'}")

    for address, model, record, card, stage, column in (
            (tasks, 'project.task', task, 'Live task', stages[1], 'Live second'),
            (leads, 'crm.lead', lead, 'Live lead', won, won_name)):
        opened(window, address, model, '.o_kanban_record')
        admin.rpc(model, 'write', [[record], {'stage_id': stage}])
        window.page.locator('.o_kanban_group', has_text=column).locator('.o_kanban_record', has_text=card).wait_for()
        picture(window, f'apps-{model}')

    partners = admin.rpc('res.partner', 'create', [[{'name': 'Live buyer'}, {'name': 'Live other buyer'}]])
    [order] = admin.rpc('sale.order', 'create', [[{'partner_id': partners[0]}]])
    [kind] = admin.rpc('stock.picking.type', 'search', [[('code', '=', 'incoming')]], {'limit': 1})
    [picking] = admin.rpc('stock.picking', 'create', [[{'picking_type_id': kind, 'origin': 'Live P1'}]])
    opened(window, action(admin, 'sale.order', 'list', '[]'), 'sale.order', '.o_data_row')
    admin.rpc('sale.order', 'write', [[order], {'partner_id': partners[1]}])
    window.page.locator('.o_data_row', has_text='Live other buyer').wait_for()
    picture(window, 'apps-sale.order')
    opened(window, action(admin, 'stock.picking', 'list', '[]'), 'stock.picking', '.o_data_row')
    admin.rpc('stock.picking', 'write', [[picking], {'origin': 'Live P2'}])
    window.page.locator('.o_data_row', has_text='Live P2').wait_for()
    picture(window, 'apps-stock.picking')

    def plan(record):
        admin.rpc('project.task', 'activity_schedule', [[record]], {
            'act_type_xmlid': 'mail.mail_activity_data_todo', 'summary': 'Live call', 'user_id': admin.uid})
    plan(task)
    opened(window, f'{tasks}?view_type=activity', 'mail.activity', '.o_activity_record')
    plan(other)
    window.page.locator('.o_activity_record', has_text='Live other').wait_for()
    picture(window, 'apps-activity')


def test_cards_with_a_template_of_their_own_have_faces(apps, window):
    """Those of the accounting dashboard, whose addon replaces the template of cards."""
    admin = apps.admin
    if not admin.rpc('longpolling.watch', 'search_count', [[('model', '=', 'account.journal')]]):
        admin.rpc('longpolling.watch', 'create', [[{'model': 'account.journal'}]])
    [journal] = admin.rpc('account.journal', 'create', [[{'name': 'Live journal', 'code': 'LIVE', 'type': 'general'}]])
    user = admin.create_user('ann', 'ann')
    [group] = admin.rpc('ir.model.data', 'search_read', [[
        ('module', '=', 'account'), ('name', '=', 'group_account_manager')], ['res_id']])
    admin.rpc('res.groups', 'write', [[group['res_id']], {'user_ids': [[4, user]]}])
    visit(apps, 'ann', 'ann').rpc('longpolling.live.presence', 'here', ['account.journal', journal])
    opened(window, 'action-account.open_account_journal_dashboard_kanban', 'account.journal', '.o_kanban_record')
    card = window.page.locator('.o_kanban_record', has_text='Live journal')
    card.locator('.o_live_people img[title*=looking]').wait_for()
    assert window.page.locator('.o_live_people').count() == 1
    picture(window, 'apps-account.journal')
