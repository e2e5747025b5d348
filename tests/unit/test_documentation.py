"""What the documentation lists is what the code has: options, keys, statuses, metrics, lines of the log."""

import ast
import inspect
import re
from pathlib import Path

from sandbox.paths import ROOT
from web_longpolling import errors
from web_longpolling.settings import SETTINGS
from web_longpolling.sidecar.metrics import Metrics
from web_longpolling.sidecar.polls import Polls

README = (ROOT / 'README.rst').read_text(encoding='utf-8')
DOC = ROOT / 'doc'
PAGES = {path.relative_to(DOC).with_suffix('').as_posix(): path.read_text(encoding='utf-8')
         for path in sorted(DOC.rglob('*.rst'))}
ADDON = ROOT / 'web_longpolling'

# Statuses of answers that are no failure, and of those that are answered before there is a poll, or about a controller.
OTHER_STATUSES = {200, 204, 414, 431, 500}


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


def written(default) -> str:
    return default if isinstance(default, str) else f'{default:g}'


# The configuration


def test_the_readme_lists_the_keys_of_the_configuration_and_their_defaults():
    rows = {key: default for key, default, _ in table(README, 'key')}
    assert list(rows) == list(SETTINGS)
    for name, setting in SETTINGS.items():
        wanted = name.replace('longpolling_listen', 'db') if setting.default is None else written(setting.default)
        assert re.sub(r' \(\w+\)$', '', rows[name]) == wanted
        assert not setting.unit or rows[name].endswith(f'({setting.unit})')


def test_the_example_of_a_configuration_has_all_keys():
    text = (ROOT / 'etc' / 'openerp.cfg').read_text(encoding='utf-8')
    assert re.findall(r'^(?:; )?(longpolling_\w+) =', text, re.MULTILINE) == list(SETTINGS)


def test_the_table_of_settings_is_made_of_the_code():
    namespace = {'__file__': str(ROOT / 'doc' / 'conf.py')}
    exec((ROOT / 'doc' / 'conf.py').read_text(), namespace)     # noqa: S102
    source = [PAGES['reference/configuration']]
    namespace['fill_in'](None, 'reference/configuration', source)
    for name, setting in SETTINGS.items():
        assert f'* - ``{name}``' in source[0] and setting.meaning in source[0]


# server.py


def options() -> dict[str, object]:
    """The options that server.py declares, and their defaults; read, as its import would patch this process."""
    found = {}
    for call in ast.walk(ast.parse((ADDON / 'server.py').read_text())):
        if isinstance(call, ast.Call) and getattr(call.func, 'attr', '') == 'add_argument':
            default = [keyword.value for keyword in call.keywords if keyword.arg == 'default']
            names = ', '.join(ast.literal_eval(name) for name in call.args)
            found[names] = ast.literal_eval(default[0]) if default else None
    return found


def test_the_readme_lists_the_options_of_the_command_line_and_their_defaults():
    rows = {name: default for name, default, _ in table(README, 'option')}
    assert set(rows) == set(options())
    for name, default in options().items():
        assert default in (None, []) or rows[name].split()[0] == str(default), name


# Statuses


def test_the_readme_lists_the_statuses_of_all_failures():
    codes = {error.code for _, error in inspect.getmembers(errors, inspect.isclass)
             if issubclass(error, errors.PollError) and error.code}
    assert {int(status) for status, _, _ in table(README, 'status')} == codes | OTHER_STATUSES


# Metrics


def test_the_page_on_metrics_lists_them():
    """Those of a process that serves no database; tests/contract compares what a real one has."""
    text = Metrics({}, Polls(1, 1)).answer('/metrics').body.decode()
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


def test_no_page_names_what_is_gone():
    """The first design's words."""
    for page in (README, *PAGES.values()):
        assert not re.search(r'news\.wait|request\.listen|longpolling\.notify|longpolling_news|result\.last', page)


