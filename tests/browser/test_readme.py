"""A developer's first page: the README's samples pasted into a new addon work on each host."""

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
SCRIPT = {'openerp-7.0': 'openerp.my_module', 'odoo-19.0': 'import { useLongPolling }'}

# Model code of the host, with the README's two lines in it.
MODEL = """
class Publisher(%(base)s):
    _name = 'my.publisher'
    _description = 'Publishes what the samples wait for'
%(decorator)s
    def publish(%(arguments)s, text):
        %(cursor)s
        %(publish)s
        return True
"""
HOST = {
    'openerp-7.0': ('from openerp.osv import osv\n', {
        'base': 'osv.AbstractModel', 'decorator': '', 'arguments': 'self, cr, uid', 'cursor': ''}),
    'odoo-19.0': ('from odoo import api, models\n', {
        'base': 'models.AbstractModel', 'decorator': '    @api.model', 'arguments': 'self',
        'cursor': 'cr = self.env.cr'}),
}


def sample(language: str, beginning: str) -> str:
    """The code block of the README in which a line begins like this."""
    text = (ROOT / 'README.rst').read_text()
    blocks = re.findall(rf'\.\. code-block:: {language}\n\n((?:(?:    .*)?\n)+)', text)
    [found] = [block for block in blocks if re.search(f'^    {re.escape(beginning)}', block, re.MULTILINE)]
    return textwrap.dedent(found).strip() + '\n'


def model(host: str) -> str:
    publish = textwrap.indent(sample('python', 'longpolling.publish'), 8 * ' ').strip()
    imports, words = HOST[host]
    return imports + MODEL % {**words, 'publish': publish}


@pytest.fixture
def addons(host, tmp_path):
    """A folder with the new addon `my_module`."""
    addon = tmp_path / 'my_module'
    (addon / 'static/src').mkdir(parents=True)
    name, scripts = MANIFEST[host]
    manifest = {'name': 'My module', 'depends': ['web_longpolling'], 'installable': True, **scripts}
    (addon / name).write_text(repr(manifest))
    (addon / '__init__.py').write_text('from . import polls\n')
    (addon / 'polls.py').write_text(sample('python', 'def contacts') + model(host))
    (addon / 'static/src/page.js').write_text(sample('javascript', SCRIPT[host]))
    for path in (tmp_path, *tmp_path.rglob('*')):
        path.chmod(0o755)
    return tmp_path


def test_the_samples_of_the_readme_work_in_a_new_addon(host, up, addons, browser):
    with up(host, addons=[addons], install=['my_module']) as stack:
        context = browser.new_context()
        window = Window(context, stack)
        logged = []
        window.page.on('console', lambda message: logged.append(message.text))
        window.expect(r'apps\.openerp\.com')       # pictures of 7.0's first page
        admin = visit(stack, stack.login, stack.password)

        def shown(text) -> bool:
            return text in logged or text in window.page.inner_text('body')

        window.log_in('admin')
        window.wait_for(lambda: window.held_on('/contacts') and window.held_on('/wall'), what='the page polls')
        before = len(admin.rpc('res.partner', 'search', [[]]))
        window.wait_for(lambda: shown(f'{before} contacts'), what='the first poll is answered at once')
        for text in ('one more contact', 'and another one'):
            admin.rpc('res.partner', 'create', [{'name': 'A contact'}])
            admin.rpc('my.publisher', 'publish', [text])
        window.wait_for(lambda: shown(f'{before + 2} contacts') and 'and another one' in logged, 10)
        assert [text for text in logged if text in ('one more contact', 'and another one')] == [
            'one more contact', 'and another one']
        context.close()
        assert window.complaints() == []
