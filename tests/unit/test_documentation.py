"""What the documentation lists is what the code has: options, keys, statuses, metrics, lines of the log."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from doc import tables
from sandbox.paths import ROOT
from web_longpolling import errors
from web_longpolling.settings import SETTINGS
from web_longpolling.sidecar.database.databases import Databases
from web_longpolling.sidecar.database.limit import ConnectionLimit
from web_longpolling.sidecar.metrics import Metrics
from web_longpolling.sidecar.polls import Polls

README = (ROOT / 'README.rst').read_text(encoding='utf-8')
DOC = ROOT / 'doc'
PAGES = {path.relative_to(DOC).with_suffix('').as_posix(): path.read_text(encoding='utf-8')
         for path in sorted(DOC.rglob('*.rst'))}
ADDON = ROOT / 'web_longpolling'


def table(text: str, heading: str) -> list[list[str]]:
    """The rows of the simple table whose first column is headed like this; cells of several lines are one."""
    lines = text.splitlines()
    [begin] = [number for number, line in enumerate(lines)
               if re.match(rf'{re.escape(heading)}  +\S', line) and lines[number - 1].startswith('===')]
    columns = [match.span() for match in re.finditer('=+', lines[begin - 1])]
    columns[-1] = (columns[-1][0], None)
    rows: list[list[str]] = []
    for line in lines[begin + 2:]:
        if line.startswith('==='):
            return rows
        cells = [line[slice(*column)].strip() for column in columns]
        if cells[0]:
            rows.append(cells)
        else:
            rows[-1] = [' '.join(filter(None, pair)) for pair in zip(rows[-1], cells, strict=True)]
    raise AssertionError(f'the table "{heading}" has no end')


# The configuration


def test_the_example_of_a_configuration_has_all_keys():
    text = (ROOT / 'etc' / 'openerp.cfg').read_text(encoding='utf-8')
    assert re.findall(r'^(?:; )?(longpolling_\w+) =', text, re.MULTILINE) == list(SETTINGS)


@pytest.fixture
def filled():
    """Gives a page with the tables that are made of the code."""
    def fill(page: str) -> str:
        return tables.fill_in(PAGES[page])
    return fill


def test_the_table_of_settings_is_made_of_the_code(filled):
    text = filled('reference/configuration')
    for name, setting in SETTINGS.items():
        assert f'* - ``{name}``' in text and setting.meaning in text


# server.py


def test_the_table_of_options_is_made_of_the_code(filled):
    text = filled('reference/command-line')
    help_text = subprocess.run([sys.executable, '-m', 'web_longpolling.server', '--help'], cwd=ROOT, check=True,
                               capture_output=True, text=True).stdout
    options = set(re.findall(r'(--[a-z_-]+)', help_text)) - {'--help'}
    assert options
    for option in options:
        assert f'``{option}``' in text
    assert '(default: 8068)' in text and '%(default)s' not in text


# Statuses


def test_the_table_of_statuses_is_made_of_the_code(filled):
    text = filled('reference/statuses')
    for _, error in inspect.getmembers(errors, inspect.isclass):
        if issubclass(error, errors.PollError) and error.code:
            assert f'* - {error.code}\n' in text and f'``{error.__name__}``' in text
    for status in tables.NOT_FAILURES:
        assert f'* - {status}\n' in text


@pytest.mark.parametrize('error, does', [
    (errors.BadRequest, 'the error callback; stops'),
    (errors.AuthenticationError, 'asks once more; then the error callback; stops'),
    (errors.TooSlow, 'the error callback; polls again later'),
    (errors.Unavailable, 'the error callback; polls again after ``Retry-After``'),
    (errors.Stopping, 'polls again at once, no callback'),
])
def test_what_the_page_does_is_what_the_hub_decides(error, does):
    assert tables.what_the_page_does(error.code, dict(error.headers)) == does


# Metrics


def test_the_page_on_metrics_lists_them():
    """Those of a process that serves no database; tests/contract compares what a real one has."""
    text = Metrics(Databases(1, 1, ConnectionLimit()), Polls(1, 1)).answer('/metrics').body.decode()
    names = {name + ('_total' if kind == 'counter' and not name.endswith('_total') else '')
             for name, kind in re.findall(r'^# TYPE (\w+) (\w+)$', text, re.MULTILINE)
             if not name.endswith('_created')}
    listed = [name.split()[0] for name, _ in table(PAGES['reference/metrics'], 'name')]
    assert names and sorted(listed) == sorted(names)


# The log


def logged() -> list[str]:
    """What the addon logs: the formats, as regular expressions, and the messages that functions make for them."""
    formats = []
    for path in sorted(ADDON.rglob('*.py')):
        formats += formats_in(path)
    return formats


def formats_in(path: Path) -> list[str]:
    texts = [node.value for node in ast.walk(ast.parse(path.read_text()))
             if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return texts if '_logger' in path.read_text() else []


def test_each_line_of_the_log_that_is_listed_is_one_of_the_codes():
    formats = [re.sub(r'%[-.\d]*[sdrf]', '…', text) for text in logged()]
    rows = [beginning for _, beginning, _ in table(PAGES['reference/log'], 'level')]
    assert len(rows) > 10
    for row in rows:
        # A name in the line stands for another text in the format.
        pattern = '.*'.join(re.escape(part) for part in row.split('…'))
        assert any(re.match(pattern, text) for text in formats), row


def test_the_readme_is_short_and_leads_to_files_that_exist():
    assert len(README.splitlines()) < 220
    named = re.findall(r'<([\w./-]+)>`_|image:: (\S+)', README)
    assert len(named) > 8
    for link, image in named:
        assert (ROOT / (link or image)).is_file(), link or image


def test_no_page_names_what_is_gone():
    """The first design's words."""
    for page in (README, *PAGES.values()):
        assert not re.search(r'news\.wait|request\.listen|longpolling\.notify|longpolling_news|result\.last', page)




def test_no_row_of_a_table_is_a_rest_of_the_row_above():
    """In a simple table, words in the first column begin a row; cells without words are what such a rest looks like."""
    for name, page in PAGES.items():
        for lines in re.findall(r'^(=+ +=+.*)\n.*\n=+ +=+.*\n((?:.+\n)+?)=+ +=+', page, re.MULTILINE):
            second = re.search(r'(?<= )=', lines[0]).start()
            assert [line for line in lines[1].splitlines() if not line[second:].strip(' =')] == [], name
            rests = [line for line in lines[1].splitlines() if re.match(r'\S', line) and re.search(
                r'\S {2,}\S', line) and not line[second:second + 2].strip()]
            assert rests == [], name


# Errors


def messages() -> str:
    """All texts of the addon's code but docstrings, with "…" in place of what is put in."""
    texts = []
    for path in sorted(ADDON.rglob('*.py')):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        described = {node.value for node in nodes if isinstance(node, ast.Expr)}
        texts += [node.value for node in nodes
                  if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in described]
    for path in sorted(ADDON.rglob('static/src/**/*.js')):
        joined = re.sub(r'" \+\s*"', '', path.read_text())
        texts += re.findall(r'"((?:[^"\\\n]|\\.)*)"', joined)
    return '\n'.join(re.sub(r'%[-.\d]*[sdrf]', '…', text).replace("'…'", '…') for text in texts)


def test_the_errors_that_are_explained_are_those_of_the_code():
    page, known = PAGES['faq'], messages()
    page = page[:page.index('Without any message')]
    headings = re.findall(r'^(.+)\n~{4,}$', page, re.MULTILINE)
    assert len(headings) > 30
    hosts_own = {r"unknown option 'longpolling\_…'"}
    for heading in set(headings) - hosts_own:
        # Each part between two "…" is in the code, word by word.
        for part in filter(None, (part.strip(' .') for part in heading.split('…'))):
            assert part in known, (heading, part)
