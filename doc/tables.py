"""The tables of the reference that are made of the code at each build, so that they can't go stale.

A page has a comment in the place of the table, such as ``.. the table of settings``; TABLES names its function.
"""

import ast
import inspect
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ADDON = ROOT / 'web_longpolling'


def list_table(heads: list[str], widths: list[int], rows: list[list[str]]) -> str:
    """A table in reStructuredText."""
    lines = ['.. list-table::', '   :header-rows: 1', f'   :widths: {" ".join(map(str, widths))}', '']
    for row in [heads, *rows]:
        lines += [f'   {"*" if number == 0 else " "} - {cell}'.rstrip() for number, cell in enumerate(row)]
    return '\n'.join(lines)


# The configuration


def settings() -> str:
    from web_longpolling.settings import SETTINGS
    return list_table(['key', 'default', 'meaning'], [30, 22, 48], [
        [f'``{name}``', default(name, setting), setting.meaning] for name, setting in SETTINGS.items()])


def default(name, setting) -> str:
    if setting.default is None:
        return f'that of ``{name.replace("longpolling_listen", "db")}``'
    value = setting.default if isinstance(setting.default, str) else f'{setting.default:g}'
    return f'``{value}`` {setting.unit}'.strip()


# server.py


def options() -> list[dict]:
    """What server.py declares: each option's `names`, `metavar`, `default` `help`. Its import would patch sockets."""
    found = []
    for call in ast.walk(ast.parse((ADDON / 'server.py').read_text(encoding='utf-8'))):
        if isinstance(call, ast.Call) and getattr(call.func, 'attr', '') == 'add_argument':
            names = [ast.literal_eval(name) for name in call.args]
            option = {'names': names, 'metavar': '', 'default': None, 'help': ''}
            for keyword in call.keywords:
                if keyword.arg in option:
                    option[keyword.arg] = ast.literal_eval(keyword.value)
            found.append(option)
    return found


def command_line() -> str:
    rows = []
    for option in options():
        names = ', '.join(f'``{name}``' for name in option['names'])
        argument = f' *{option["metavar"]}*' if option['metavar'] else ''
        meaning = option['help'].replace('%(default)s', str(option['default'])).replace('*', r'\*')
        meaning = re.sub(r'(?<![\w-])(longpolling_\w*|db_name|--?[a-z][a-z-]*)', r'``\1``', meaning)
        rows.append([names + argument, meaning])
    return list_table(['option', 'meaning'], [35, 65], rows)


# Statuses

NOT_FAILURES = {
    200: ("There is an answer.", "the success callback; polls again"),
    204: ("Nothing happened until the timeout; or there is only a position, at the first poll of a page.",
          "polls again"),
    500: ("The controller failed; the traceback is in the log.", "the error callback; polls again later"),
}


def statuses() -> str:
    """All statuses: of errors.py, with the docstring of each exception, and of what is no failure of a poll."""
    rows = {(code, ''): [meaning, page] for code, (meaning, page) in NOT_FAILURES.items()}
    for error in failures():
        headers = dict(error.headers)
        rows[error.code, error.__name__] = [meaning_of(error), what_the_page_does(error.code, headers)]
    return list_table(['status', 'when', 'what the page does', 'exception'], [10, 40, 35, 15], [
        [str(code), *cells, f'``{name}``' if name else ''] for (code, name), cells in sorted(rows.items())])


def failures() -> list:
    """The exceptions of errors.py that a poll can end with, those that have a status."""
    from web_longpolling import errors
    return [error for _, error in inspect.getmembers(errors, inspect.isclass)
            if issubclass(error, errors.PollError) and error.code]


def meaning_of(error) -> str:
    first = inspect.getdoc(error).split('\n\n')[0].replace('\n', ' ')
    return re.sub(r': \d{3}\b(?: with Retry-After)?', '', first)


def what_the_page_does(code: int, headers: dict) -> str:
    """As kind_of() of static/src/js/hub.js decides it."""
    if code == 401:
        return 'asks once more; then the error callback; stops'
    if headers.get('X-Longpolling') == 'stopping':
        return 'polls again at once, no callback'
    if 400 <= code < 500 and code not in passing():
        return 'the error callback; stops'
    later = 'after ``Retry-After``' if 'Retry-After' in headers else 'later'
    return f'the error callback; polls again {later}'


def passing() -> list[int]:
    """The statuses from 400 to 499 that may pass by themselves, as the hub has them."""
    hub = (ADDON / 'static/src/js/hub.js').read_text(encoding='utf-8')
    [found] = re.findall(r'const PASSING = (\[[\d, ]+\]);', hub)
    return ast.literal_eval(found)


TABLES = {
    '.. the table of settings': settings,
    '.. the table of options': command_line,
    '.. the table of statuses': statuses,
}


def fill_in(text: str) -> str:
    """The page with its tables."""
    for place, table in TABLES.items():
        if place in text:
            text = text.replace(place, table())
    return text
