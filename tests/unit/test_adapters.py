"""Both adapters of `web_longpolling/host/` have the functions of the table in its docstring; no host is needed.

The files are read, not imported: each needs its host.
"""

import ast
import re

import pytest

from sandbox.paths import ROOT

HOST = ROOT / 'web_longpolling' / 'host'
ADAPTERS = ('odoo19', 'openerp7')


def functions(adapter: str) -> list[str]:
    """The signatures of an adapter's public functions, such as 'load(db)', in their order."""
    tree = ast.parse((HOST / f'{adapter}.py').read_text(encoding='utf-8'))
    return [f'{node.name}({ast.unparse(node.args)})' for node in tree.body
            if isinstance(node, ast.FunctionDef) and not node.name.startswith('_')]


def table() -> list[str]:
    """The signatures in the first column of the table; one may go on in the next line."""
    docstring = ast.get_docstring(ast.parse((HOST / '__init__.py').read_text(encoding='utf-8')))
    rows = re.search(r'^=+ +=+\n.*\n=+ +=+\n((?:.+\n)+?)=+ +=+$', docstring, re.MULTILINE).group(1)
    # A cell ends with its parenthesis, or, if that comes in the next line, before two spaces.
    cells = [re.match(r'[^)]*?(\)|(?=  )|$)', line).group() for line in rows.splitlines()]
    return re.findall(r'\w+\([^)]*\)', ' '.join(filter(None, cells)))


@pytest.mark.parametrize('adapter', ADAPTERS)
def test_an_adapter_has_the_functions_of_the_table_in_its_order(adapter):
    assert functions(adapter) == table()


def test_the_table_was_found():
    assert len(table()) > 10 and table()[0] == 'option(name)'
