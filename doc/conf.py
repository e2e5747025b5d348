"""Sphinx: `sphinx-build doc build/doc`."""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = ROOT / 'web_longpolling' / '__manifest__.py'

sys.path[:0] = [str(ROOT), str(ROOT / 'doc')]

import tables  # noqa: E402  needs the path

extensions = ['sphinx.ext.autodoc']
autodoc_member_order = 'bysource'
# Named in docstrings, and not on a page of their own.
nitpick_ignore_regex = [('py:.*', r'(?!web_longpolling)[\w. ]+')]

project = 'web_longpolling'
author = 'web_longpolling contributors'
copyright = 'web_longpolling contributors, AGPL-3'   # noqa: A001  Sphinx's own name
version = release = ast.literal_eval(MANIFEST.read_text(encoding='utf-8'))['version']

html_theme = 'furo'
html_title = f'web_longpolling {release}'
html_show_sourcelink = False
html_static_path = ['_static']
html_css_files = ['pages.css']
# Of "::": commands and lines of configuration, for the most part.
highlight_language = 'none'


def fill_in(app, docname, source):
    source[0] = tables.fill_in(source[0])
    if '.. the latest result' in source[0]:
        from benchmarks.page import page
        source[0] = source[0].replace('.. the latest result', page(ROOT / 'benchmarks' / 'results'))


def line_up(app, what, name, thing, options, lines):
    """Attributes, which docstrings list as "name: meaning", one a line."""
    lines[:] = ['| ' + line if re.match(r'[a-z_]+(, [a-z_]+)*: ', line) else line for line in lines]


def setup(app):
    app.connect('autodoc-process-docstring', line_up)
    app.connect('source-read', fill_in)
    return {'parallel_read_safe': True}
