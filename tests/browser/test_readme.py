"""A developer's five lines: the README's samples pasted into a new addon work on each host."""

import re
import textwrap

import pytest

from sandbox.paths import ROOT
from tests.browser.windows import Window
from tests.support.clients import visit

MANIFEST = {
    'openerp-7.0': ('__openerp__.py', {'js': ['static/src/page.js']}),
    'odoo-19.0': ('__manifest__.py', {'assets': {'web.assets_backend': ['my_module/static/src/page.js']}}),
}
SCRIPT = {'openerp-7.0': 'openerp.my_module', 'odoo-19.0': 'import { session }'}

# What model code of the host would do: the README says "longpolling.notify(cr, 'hello', …)".
NOTIFY = """
class Teller(%(base)s):
    _name = 'my.teller'
    _description = 'Somebody came in'
%(decorator)s
    def tell(%(arguments)s, text):
        longpolling.notify(%(cursor)s, 'hello', text)
        return True
"""
MODEL = {
    'openerp-7.0': 'from openerp.osv import osv\n' + NOTIFY % {
        'base': 'osv.AbstractModel', 'decorator': '', 'arguments': 'self, cr, uid', 'cursor': 'cr'},
    'odoo-19.0': 'from odoo import api, models\n' + NOTIFY % {
        'base': 'models.AbstractModel', 'decorator': '    @api.model', 'arguments': 'self', 'cursor': 'self.env.cr'},
}


def sample(language: str, beginning: str) -> str:
    """The code block of the README in which a line begins like this."""
    text = (ROOT / 'README.rst').read_text()
    blocks = re.findall(rf'\.\. code-block:: {language}\n\n((?:(?:    .*)?\n)+)', text)
    [found] = [block for block in blocks if re.search(f'^    {re.escape(beginning)}', block, re.MULTILINE)]
    return textwrap.dedent(found)


@pytest.fixture
def addons(host, tmp_path):
    """A folder with the new addon `my_module`."""
    addon = tmp_path / 'my_module'
    (addon / 'static/src').mkdir(parents=True)
    name, scripts = MANIFEST[host]
    manifest = {'name': 'My module', 'depends': ['web_longpolling'], 'installable': True, **scripts}
    (addon / name).write_text(repr(manifest))
    (addon / '__init__.py').write_text('from . import polls\n')
    (addon / 'polls.py').write_text(sample('python', 'def hello') + MODEL[host])
    (addon / 'static/src/page.js').write_text(sample('javascript', SCRIPT[host]))
    for path in (tmp_path, *tmp_path.rglob('*')):
        path.chmod(0o755)
    return tmp_path


def test_the_samples_of_the_readme_work_in_a_new_addon(host, up, addons, browser):
    with up(host, addons=[addons], install=['my_module']) as stack:
        context = browser.new_context()
        window = Window(context, stack)
        said = []
        window.page.on('console', lambda message: said.append(message.text))
        window.expect(r'apps\.openerp\.com')       # pictures of 7.0's first page
        window.log_in('admin')
        window.wait_for(lambda: window.held_on('/hello'), what='the page polls')
        window.page.wait_for_timeout(500)
        visit(stack, stack.login, stack.password).rpc('my.teller', 'tell', ['somebody came in'])
        window.wait_for(lambda: any(text.startswith('world') and 'somebody came in' in text for text in said), 5)
        context.close()
        assert window.complaints() == []
