"""What is installed or copied says who holds the copyright and under which licence it is, in each source file."""

import ast
import re
from pathlib import Path

from sandbox.paths import ROOT

FOLDERS = ('web_longpolling', 'web_longpolling_bus', 'web_longpolling_live', 'examples')
FILES = ('setup.py', 'web_longpolling_commands.py')
# Without ends: the mark of a comment is another one in each language.
HEADER = ('SPDX-FileCopyrightText: web_longpolling contributors', 'SPDX-License-Identifier: AGPL-3.0-only')
COMMENTS = {
    '.py': ('# ', ''),
    '.js': ('// ', ''),
    '.css': ('/* ', ' */'),
    '.scss': ('// ', ''),
    '.xml': ('<!-- ', ' -->'),
}
# Lines that are nothing unless they are the first.
FIRST = re.compile(r'# -\*- coding|/\*\* @odoo-module|<\?xml|#!')


def sources() -> list[Path]:
    """All source files of the addons and of the example, and what installs them."""
    found = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob('*'))]
    return [path for path in (*found, *(ROOT / name for name in FILES)) if path.suffix in COMMENTS]


def header(path: Path) -> list[str]:
    """The two lines as they must be in this file."""
    begin, end = COMMENTS[path.suffix]
    return [begin + line + end for line in HEADER]


def test_each_source_file_has_the_header_before_anything_else():
    assert len(sources()) > 150
    without = []
    for path in sources():
        first, *lines = path.read_text(encoding='utf-8').splitlines()
        if not FIRST.match(first):
            lines.insert(0, first)
        if lines[:2] != header(path):
            without.append(str(path.relative_to(ROOT)))
    assert without == []


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
