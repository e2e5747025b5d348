"""Sphinx: `sphinx-build doc build/doc`."""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = ROOT / 'web_longpolling' / '__manifest__.py'

sys.path.insert(0, str(ROOT))

project = 'web_longpolling'
author = 'web_longpolling contributors'
copyright = 'web_longpolling contributors, AGPL-3'   # noqa: A001  Sphinx's own name
version = release = ast.literal_eval(MANIFEST.read_text(encoding='utf-8'))['version']

html_theme = 'furo'
html_title = f'web_longpolling {release}'
html_show_sourcelink = False


def settings_table() -> str:
    """The keys of the configuration file, from the code that reads them, as reStructuredText."""
    from web_longpolling.settings import SETTINGS
    rows = ['.. list-table::', '   :header-rows: 1', '   :widths: 30 22 48', '',
            '   * - key', '     - default', '     - meaning']
    for name, setting in SETTINGS.items():
        rows += [f'   * - ``{name}``', f'     - {default(name, setting)}', f'     - {setting.meaning}']
    return '\n'.join(rows)


def default(name, setting) -> str:
    if setting.default is None:
        key = name.replace('longpolling_listen', 'db')
        return f'that of ``{key}``'
    value = setting.default if isinstance(setting.default, str) else f'{setting.default:g}'
    return f'``{value}`` {setting.unit}'.strip()


def fill_in(app, docname, source):
    source[0] = source[0].replace('.. the table of settings', settings_table())
    if '.. the latest result' in source[0]:
        from benchmarks.page import page
        source[0] = source[0].replace('.. the latest result', page(ROOT / 'benchmarks' / 'results'))


def setup(app):
    app.connect('source-read', fill_in)
    return {'parallel_read_safe': True}
