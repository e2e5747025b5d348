"""CONTRIBUTING.rst leads to files that exist, and to the names in them."""

import re

import pytest

from sandbox.paths import ROOT

TEXT = (ROOT / 'CONTRIBUTING.rst').read_text(encoding='utf-8')
# Of a host that is still to be added.
IMAGINED = ('odoo20.py',)


def test_every_file_that_is_named_exists():
    named = set(re.findall(r'``((?:[\w.-]+/)+[\w.-]*|[\w.-]+\.(?:py|rst|js|conf|yaml))``', TEXT))
    tops = ROOT, ROOT / 'web_longpolling', ROOT / 'web_longpolling' / 'sidecar', ROOT / 'tests', ROOT / 'sandbox'
    missing = [name for name in named if not name.endswith(IMAGINED)
               and not any((top / name).exists() for top in (*tops, ROOT / 'sandbox' / 'pins'))]
    assert 'web_longpolling/errors.py' in named and missing == []


@pytest.mark.parametrize('file, name', [
    ('web_longpolling/errors.py', 'code = 401'),
    ('web_longpolling/static/src/js/hub.js', 'core.wait_after = '),
    ('web_longpolling/static/src/js/hub.js', 'function kind_of('),
    ('web_longpolling/server.py', "'--max-cursor', type=positive, default="),
    ('web_longpolling/host/openerp7.py', 'def session(key)'),
    ('web_longpolling/host/openerp7.py', 'def prove('),
    ('web_longpolling/host/odoo19.py', 'def verify('),
    ('web_longpolling/host/boot.py', 'ADAPTERS = '),
    ('sandbox/build/model.py', 'HOSTS = '),
    ('sandbox/servers/hostconfig.py', 'TRAITS = '),
])
def test_what_is_said_to_be_in_a_file_is_there(file, name):
    assert file in TEXT and name in (ROOT / file).read_text(encoding='utf-8')
