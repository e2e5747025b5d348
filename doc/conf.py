"""Sphinx: `sphinx-build doc build/doc`."""

project = 'web_longpolling'
author = 'web_longpolling contributors'
copyright = 'web_longpolling contributors, AGPL-3'   # noqa: A001  Sphinx's own name
version = release = '1.0.0'

html_theme = 'alabaster'        # comes with Sphinx
html_theme_options = {'description': 'Tell a browser something the moment it happens', 'page_width': '1080px'}
html_show_sourcelink = False
