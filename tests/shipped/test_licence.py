"""What is installed or copied says who holds the copyright and under which licence it is, in each source file."""

import ast

from sandbox.paths import ROOT
from tests.support.licence import FOLDERS, missing, sources


def test_each_source_file_has_the_header_before_anything_else():
    """`python -m tests.support.licence` puts it there."""
    assert len(sources()) > 150
    assert missing() == []


def test_the_licence_is_the_same_everywhere():
    """Version 3 and no later one: of the keys of Odoo's manifests "AGPL-3" is the only one for it."""
    assert (ROOT / 'LICENSE').read_text().split()[:7] == 'GNU AFFERO GENERAL PUBLIC LICENSE Version 3,'.split()
    manifests = [path for folder in FOLDERS for path in (ROOT / folder).rglob('__*__.py')
                 if path.name in ('__manifest__.py', '__openerp__.py')]
    assert len(manifests) >= 7
    for path in manifests:
        assert ast.literal_eval(path.read_text(encoding='utf-8'))['license'] == 'AGPL-3', path
    setup = (ROOT / 'setup.py').read_text(encoding='utf-8')
    assert "license='AGPL-3.0-only'" in setup
    assert "'License :: OSI Approved :: GNU Affero General Public License v3'" in setup     # not "v3 or later (…v3+)"
    assert 'AGPL-3.0-only' in (ROOT / 'README.rst').read_text(encoding='utf-8')
