"""The picture of the imports: which room uses which. `python -m tests.support.rooms [PACKAGE...] [--root CHECKOUT]`.

A room is a module or a package in the package's folder; of web_longpolling, those in `sidecar/` as well. Run it with
the Python of the test tools, `.sandbox/tools/environment/bin/python`.

grimp reads the import statements of both Pythons' code, whether they are at the top of a file or in a function. It
does not see three things that this project does, so they are added here:

    from openerp.addons.web_longpolling import …    the hosts' name for an addon
    from host import boot                           in a script whose folder is on the path
    importlib.import_module('.' + name, __name__)   whatever the name may be: all modules of that package
"""

import argparse
import ast
import sys
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parent.parent.parent
HOSTS = ('odoo', 'openerp')
# Their rooms are shown one by one.
OPENED = ('web_longpolling.sidecar',)


def read(*packages: str, folders: tuple[Path, ...] = (ROOT,)) -> grimp.ImportGraph:
    """The graph of what these packages, each in one of the folders, import; what is not theirs counts as a whole."""
    before = sys.path[:]
    sys.path[:0] = [str(folder) for folder in folders]
    try:
        graph = grimp.build_graph(*packages, include_external_packages=True, cache_dir=None)
    finally:
        sys.path[:] = before
    for module in sorted(graph.modules):
        path = _file(module, folders)
        if path and not graph.is_module_squashed(module):
            for imported, line in _hidden(module, path, graph.modules):
                graph.add_import(importer=module, imported=imported, line_number=line, line_contents='')
    return graph


def _file(module: str, folders) -> Path | None:
    place = Path(*module.split('.'))
    candidates = (folder / name for folder in folders for name in (place.with_suffix('.py'), place / '__init__.py'))
    return next((path for path in candidates if path.is_file()), None)


def _hidden(module: str, path: Path, modules):
    """(what it imports, line) for what grimp does not see in this file."""
    package = module if path.name == '__init__.py' else module.rpartition('.')[0]
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f'{node.module}.{alias.name}' for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == 'importlib.import_module':
            names = _lazy(node, package, modules)
        else:
            continue
        for name in names:
            found = _known(_plain(name, package, modules), modules)
            if found and found != module:
                yield found, node.lineno


def _plain(name: str, package: str, modules) -> str:
    """The name without the hosts' prefix; of a module beside a script, its full name."""
    for host in HOSTS:
        name = name.removeprefix(f'{host}.addons.')
    beside = f'{package}.{name}'
    return beside if _known(beside, modules) not in (None, package) else name


def _known(name: str, modules) -> str | None:
    """The module of this name, or the one that has it (`from module import name`)."""
    while name and name not in modules:
        name = name.rpartition('.')[0]
    return name or None


def _lazy(call: ast.Call, package: str, modules) -> list[str]:
    """What `importlib.import_module` may import, from the literal parts of its argument."""
    literal = ''.join(part.value for part in ast.walk(call.args[0])
                      if isinstance(part, ast.Constant) and isinstance(part.value, str))
    if literal == '.':
        return [name for name in modules if name.rpartition('.')[0] == package and _names_a_host(name)]
    if literal.startswith('.addons.'):
        return [literal.removeprefix('.addons.')]
    if literal.startswith('.') and len(call.args) > 1:
        return [package + literal]
    return [] if literal.startswith('.') else [literal]


def _names_a_host(module: str) -> bool:
    return module.rpartition('.')[2].startswith(HOSTS) and not module.endswith('_alias')


def room(module: str, package: str) -> str | None:
    """The room of a module, by its name inside the package; None of the package itself and of other packages."""
    for opened in OPENED:
        if module.startswith(f'{opened}.'):
            return f'{opened}.{module.removeprefix(f"{opened}.").split(".")[0]}'.removeprefix(f'{package}.')
    return module.split('.')[1] if module.startswith(f'{package}.') else None


def arrows(graph: grimp.ImportGraph, package: str) -> dict[str, set[str]]:
    """{room: the rooms that it uses}, every room of the package being a key."""
    found: dict[str, set[str]] = {}
    for module in graph.modules:
        here = room(module, package)
        if here and module not in OPENED:
            used = {room(other, package) for other in graph.find_modules_directly_imported_by(module)
                    if other not in OPENED}
            found.setdefault(here, set()).update(there for there in used if there and there != here)
    return found


def circles(found: dict[str, set[str]]) -> list[set[str]]:
    """The rooms that reach each other both ways, a set for each knot of them."""
    reached = {here: set(used) for here, used in found.items()}
    for through in found:
        for here in found:
            if through in reached[here]:
                reached[here] |= reached.get(through, set())
    knots = {frozenset(there for there in found if there in reached[here] and here in reached[there]) for here in found}
    return sorted((set(knot) for knot in knots if knot), key=sorted)


def picture(package: str, root: Path) -> str:
    """The list of rooms and arrows, as reStructuredText's literal block has it."""
    found = arrows(read(package, folders=(root,)), package)
    width = max(map(len, found))
    knots = '; '.join(', '.join(sorted(knot)) for knot in circles(found))
    lines = [f'{package}: {len(found)} rooms, {sum(map(len, found.values()))} arrows, circles: {knots or "none"}', '']
    for here, used in sorted(found.items()):
        lines.append(f'{here:{width}}  ->  {", ".join(sorted(used))}' if used else here)
    return '\n'.join(lines)


def main():
    parser = argparse.ArgumentParser(prog='python -m tests.support.rooms', description=__doc__.splitlines()[0])
    parser.add_argument('package', nargs='*', default=['web_longpolling', 'sandbox'])
    parser.add_argument('--root', type=Path, default=ROOT, metavar='CHECKOUT', help='default: this checkout')
    arguments = parser.parse_args()
    print('\n\n'.join(picture(package, arguments.root.resolve()) for package in arguments.package))


if __name__ == '__main__':
    main()
