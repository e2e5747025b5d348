"""The arrows between rooms that must never be, and how each is found in the graph of the imports (see `rooms`)."""

from collections.abc import Iterator
from pathlib import Path

import grimp

from .rooms import HOSTS, ROOT, read

ADDON = 'web_longpolling'
SIDECAR = f'{ADDON}.sidecar'
# What other addons may import of it.
FACE = (f'{ADDON}.longpolling', f'{ADDON}.testing')
# The rest of the checkout, of which an installed addon has nothing.
CHECKOUT = ('benchmarks', 'examples', 'sandbox', 'tests')
# Where addons lie in the checkout.
ADDON_FOLDERS = (ROOT, ROOT / 'examples', ROOT / 'tests' / 'addons')
# From above to below; those of one line may not import each other.
LAYERS: tuple[tuple[str, ...], ...] = (
    ('service',),
    ('application', 'reload', 'checks'),
    ('probe', 'session_watch', 'log_context'),
    ('request', 'metrics', 'batch'),
    ('health',),
    ('wire', 'database', 'polls'),
    ('news',),
    ('loop',),
)
# Addons of the tests look inside for what only a look inside can show: (who, whose inside).
EXCEPTIONS = {
    # That one table of routes serves both names of the host's package.
    ('longpolling_test.controllers.asking', f'{ADDON}.routes'),
}


def addons() -> dict[str, Path]:
    """{name: the folder on addons_path} of the addons in the checkout."""
    return {path.name: folder for folder in ADDON_FOLDERS for path in sorted(folder.iterdir())
            if (path / '__manifest__.py').is_file()}


def graph() -> grimp.ImportGraph:
    """What all addons of the checkout import."""
    return read(*sorted(addons()), folders=ADDON_FOLDERS)


def broken(graph: grimp.ImportGraph) -> list[str]:
    """One sentence for each forbidden arrow: which wall it breaks, and by which import."""
    walls = (host_without_sidecar, sidecar_without_host, face_without_gevent, gevent_in_its_rooms, host_in_its_rooms,
             addon_without_checkout, others_by_the_face, layers_of_the_sidecar, no_circle)
    return sorted({f'{wall.__doc__} {found}' for wall in walls for found in wall(graph)})


def inside(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f'{package}.') for package in packages)


def own(graph: grimp.ImportGraph) -> list[str]:
    return sorted(module for module in graph.modules if inside(module, ADDON))


def direct(graph, importers, imported) -> Iterator[str]:
    """The imports from these modules to what `imported(module)` is true of."""
    for module in importers:
        for other in sorted(graph.find_modules_directly_imported_by(module)):
            if imported(other):
                lines = sorted({details['line_number'] for details in
                                graph.get_import_details(importer=module, imported=other)})
                yield f'{module} imports {other} (line {", ".join(map(str, lines)) or "?"}).'


def chains(graph, importers, target: str) -> Iterator[str]:
    """The shortest way from each of these modules to the target, of whatever length."""
    for module in importers:
        if target in graph.modules and (chain := graph.find_shortest_chain(module, target)):
            yield f'{" -> ".join(chain)}.'


def host_without_sidecar(graph):
    """The host's process must not load the sidecar (server.py alone starts it):"""
    outside = [module for module in own(graph) if not inside(module, SIDECAR, f'{ADDON}.server')]
    return direct(graph, outside, lambda other: inside(other, SIDECAR))


def sidecar_without_host(graph):
    """The sidecar knows no host but through host/:"""
    return direct(graph, [module for module in own(graph) if inside(module, SIDECAR)],
                  lambda other: inside(other, *HOSTS))


def face_without_gevent(graph):
    """The host imports longpolling.py, which must not need gevent by whatever way:"""
    return chains(graph, [f'{ADDON}.longpolling'], 'gevent')


def gevent_in_its_rooms(graph):
    """gevent is imported in sidecar/ and server.py alone:"""
    return direct(graph, [module for module in own(graph) if not inside(module, SIDECAR, f'{ADDON}.server')],
                  lambda other: inside(other, 'gevent'))


def host_in_its_rooms(graph):
    """openerp and odoo are imported in host/, models/ and controllers/ alone:"""
    rooms = [f'{ADDON}.{name}' for name in ('host', 'models', 'controllers')]
    return direct(graph, [module for module in own(graph) if not inside(module, *rooms)],
                  lambda other: inside(other, *HOSTS))


def addon_without_checkout(graph):
    """web_longpolling works without the other addons and without the rest of the checkout:"""
    others = (*CHECKOUT, *(name for name in addons() if name != ADDON))
    return direct(graph, own(graph), lambda other: inside(other, *others))


def others_by_the_face(graph):
    """Other addons use nothing of web_longpolling but its public face:"""
    for module in sorted(graph.modules):
        if inside(module, *(name for name in addons() if name != ADDON)):
            yield from direct(graph, [module], lambda other: inside(other, ADDON) and not inside(other, *FACE)
                              and (module, other) not in EXCEPTIONS)     # noqa: B023  called at once


def layers_of_the_sidecar(graph):
    """Inside sidecar/: service, application, request, wire and database, news, loop; never the other way:"""
    known = {name for layer in LAYERS for name in layer}
    for room in sorted(graph.find_children(SIDECAR)):
        if room.removeprefix(f'{SIDECAR}.') not in known:
            yield f'{room} has no place in LAYERS of tests/support/walls.py: give it one.'
    for wrong in graph.find_illegal_dependencies_for_layers([set(layer) for layer in LAYERS], containers={SIDECAR}):
        for route in sorted(wrong.routes, key=str):
            way = [sorted(route.heads)[0], *route.middle, sorted(route.tails)[0]]
            yield f'{" -> ".join(way)}.'


def no_circle(graph):
    """Neither rooms nor modules import each other in a circle:"""
    for package in (module for module in own(graph) if graph.find_children(module)):
        for importer, imported in sorted(graph.nominate_cycle_breakers(package)):
            yield f'one in {package} goes through {importer} -> {imported}.'
