"""What the web clients make of our scripts: joined and minified, they must pass the unit tests of the sources."""

import os
import re
import subprocess

import pytest

from sandbox.build import build_tools
from sandbox.commands.testing import node
from sandbox.paths import ROOT


def served_by_openerp(site) -> str:
    """The module's scripts as OpenERP 7.0 serves them outside debug mode: one file, minified."""
    return site.admin.http.get(f'{site.url}/web/webclient/js', params={'mods': 'web_longpolling'}, timeout=60).text


def served_by_odoo(site) -> str:
    """Our part of the bundle of Odoo's web client, outside debug mode. A comment names each file before it."""
    page = site.admin.http.get(f'{site.url}/odoo', timeout=60).text
    [address] = re.findall(r'src="(/web/assets/[^"]*web\.assets_web\.min\.js)"', page)
    bundle = site.admin.http.get(site.url + address, timeout=120).text
    files = re.split(r'^/\* (/\S+) \*/$', bundle, flags=re.MULTILINE)
    ours = [text for name, text in zip(files[1::2], files[2::2], strict=True)
            if name.startswith('/web_longpolling/static/src/js/')]
    return '\n'.join(ours)


@pytest.fixture
def served(site):
    return {'openerp-7.0': served_by_openerp, 'odoo-19.0': served_by_odoo}[site.host](site)


def test_the_joined_and_minified_scripts_pass_the_unit_tests(served, tmp_path):
    source = ''.join(path.read_text() for path in (ROOT / 'web_longpolling/static/src/js').glob('*.js'))
    assert len(source) / 3 < len(served) < len(source)
    assert '// ' not in served
    bundle = tmp_path / 'bundle.js'
    bundle.write_text(served)
    tests = sorted(map(str, (ROOT / 'tests/js').glob('*.test.mjs')))
    done = subprocess.run(
        [node(build_tools()), '--test', '--test-reporter=tap', *tests],
        env={**os.environ, 'LONGPOLLING_BUNDLE': str(bundle)}, check=False, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r'^# pass (\d+)', done.stdout, re.MULTILINE).group(1)) > 80
