"""The translations: each template has the texts of the scripts, and German and French have all of the template's."""

import re

import pytest

from sandbox.paths import ROOT
from tests.support.translations import FILES, OPENERP

ENTRY = re.compile(r'^msgid ((?:".*"\n)+)msgstr ((?:".*"\n?)+)', re.MULTILINE)
TEXT = re.compile(r'\b_t\("((?:[^"\\]|\\.)*)"[,)]')


def entries(path) -> dict[str, str]:
    """{text: its translation} of a .po or .pot file, without the header."""
    found = {''.join(re.findall('"(.*)"', text)): ''.join(re.findall('"(.*)"', translation))
             for text, translation in ENTRY.findall(path.read_text(encoding='utf-8'))}
    found.pop('')
    return found


@pytest.mark.parametrize('module', FILES)
def test_the_template_has_the_texts_of_the_scripts(module):
    scripts = (FILES[module].parent / 'static').rglob('*.js')
    texts = {text for path in scripts for text in TEXT.findall(path.read_text())}
    assert texts or module != 'longpolling_demo'
    assert not texts - set(entries(FILES[module] / f'{module}.pot'))


@pytest.mark.parametrize('folder', [*FILES.values(), *OPENERP.values()], ids=lambda folder: '/'.join(folder.parts[-2:]))
@pytest.mark.parametrize('language', ('de', 'fr'))
def test_a_language_has_all_texts(folder, language):
    translated = entries(folder / f'{language}.po')
    assert set(translated) == set(entries(folder / f'{folder.parent.name}.pot'))
    assert [text for text, translation in translated.items() if not translation] == []


def test_texts_of_scripts_are_marked_for_both_hosts():
    for path in (ROOT / 'examples').rglob('i18n/*.po*'):
        text = path.read_text(encoding='utf-8')
        assert text.count('#. odoo-javascript\n#. openerp-web\n') == text.count('#: code:') > 0
