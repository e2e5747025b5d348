"""Sphinx: `sphinx-build doc build/doc`."""

import ast
from pathlib import Path

MANIFEST = Path(__file__).resolve().parent.parent / 'web_longpolling' / '__manifest__.py'

project = 'web_longpolling'
author = 'web_longpolling contributors'
copyright = 'web_longpolling contributors, AGPL-3'   # noqa: A001  Sphinx's own name
version = release = ast.literal_eval(MANIFEST.read_text(encoding='utf-8'))['version']

html_theme = 'furo'
html_title = f'web_longpolling {release}'
html_show_sourcelink = False
