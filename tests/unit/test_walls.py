"""The walls between the rooms, drawn from the imports of all addons; no server and no host is needed."""

import copy

import pytest

from tests.support import walls


@pytest.fixture(scope='module')
def graph():
    return walls.graph()


def test_no_import_goes_through_a_wall(graph):
    assert walls.broken(graph) == []


def test_the_graph_has_every_file_and_what_is_imported_by_its_name_alone(graph):
    files = {path.relative_to(folder).with_suffix('') for name, folder in walls.addons().items()
             for path in (folder / name).rglob('*.py')}
    names = {'.'.join(path.parts).removesuffix('.__init__') for path in files}
    assert names <= graph.modules
    for importer, imported in [
            ('web_longpolling.host', 'web_longpolling.host.odoo19'),            # '.' + name()
            ('web_longpolling.host', 'web_longpolling.host.openerp7'),
            ('web_longpolling.models', 'web_longpolling.models.odoo19'),
            ('web_longpolling.controllers', 'web_longpolling.controllers.openerp7'),
            ('web_longpolling.server', 'web_longpolling.sidecar.service'),      # package + '.addons.…'
            ('web_longpolling.oe', 'web_longpolling.host.command'),             # from host import …
            ('longpolling_demo.controllers', 'web_longpolling.longpolling')]:   # openerp.addons.…
        assert graph.direct_import_exists(importer=importer, imported=imported), (importer, imported)


@pytest.mark.parametrize('importer, imported, wall', [
    ('host.odoo19', 'sidecar.polls', "The host's process must not load the sidecar"),
    ('longpolling', 'sidecar.polls', "The host's process must not load the sidecar"),
    ('sidecar.news.feed', 'odoo', 'The sidecar knows no host'),
    ('sidecar.request', 'openerp', 'The sidecar knows no host'),
    ('errors', 'gevent', 'longpolling.py, which must not need gevent'),
    ('publishing', 'gevent', 'gevent is imported in sidecar/ and server.py alone'),
    ('host.boot', 'gevent', 'gevent is imported in sidecar/ and server.py alone'),
    ('routes', 'odoo', 'openerp and odoo are imported in host/'),
    ('settings', 'longpolling_demo.watchers', 'web_longpolling works without'),
    ('server', 'sandbox', 'web_longpolling works without'),
    ('sidecar.wire.server', 'sidecar.application', 'Inside sidecar/'),
    ('sidecar.loop.clock', 'sidecar.news.feed', 'Inside sidecar/'),
    ('sidecar.database.budget', 'sidecar.wire.server', 'Inside sidecar/'),
    ('errors', 'settings', 'in a circle'),
    ('sidecar.database.budget', 'sidecar.database.database', 'in a circle'),
])
def test_an_import_through_a_wall_is_found_and_the_wall_is_named(graph, importer, imported, wall):
    graph = copy.deepcopy(graph)
    imported = next((name for name in (f'web_longpolling.{imported}', imported) if name in graph.modules), imported)
    if imported not in graph.modules:
        graph.add_module(imported, is_squashed=True)
    graph.add_import(importer=f'web_longpolling.{importer}', imported=imported)
    assert [sentence for sentence in walls.broken(graph) if wall in sentence and imported in sentence]


@pytest.mark.parametrize('importer, imported', [
    ('longpolling_demo.watchers', 'web_longpolling.publishing'),
    ('longpolling_test.controllers.news', 'web_longpolling.routes'),
    ('longpolling_browser.polls', 'web_longpolling'),
])
def test_another_addon_that_looks_inside_is_found(graph, importer, imported):
    graph = copy.deepcopy(graph)
    graph.add_import(importer=importer, imported=imported)
    assert any('nothing of web_longpolling but its public face' in sentence and importer in sentence
               for sentence in walls.broken(graph))
