"""The table of routes: what may be declared, which modules' routes answer, what is logged."""

import logging

import pytest
from werkzeug.exceptions import NotFound

from web_longpolling import routes

PREFIX = '/openerplongpolling'


def controller(request, **kwargs):
    """Stands for an addon's."""


def declare(table, path, module='web_longpolling', function=controller):
    route = routes.Route(PREFIX + path, 'json', True, function, module)
    table.declare(route)
    return route


def match(table, path, *modules):
    return table.url_map(frozenset(modules)).bind('localhost').match(PREFIX + path)


@pytest.mark.parametrize('path', ['/', '/a', '/a/b', '/<x>', '/a/<int:x>/<path:y>', '/openerplongpollings', '/ä'])
@pytest.mark.parametrize('mode', ['json', 'http'])
@pytest.mark.parametrize('mustbeauthenticated', [True, False])
def test_what_the_specification_allows_is_accepted(path, mode, mustbeauthenticated):
    routes.check_arguments(path, mode, mustbeauthenticated, PREFIX)


@pytest.mark.parametrize('arguments, what', [
    (('a', 'json', True), 'path'), ((None, 'json', True), 'path'), ((b'/a', 'json', True), 'path'),
    ((PREFIX, 'json', True), 'path'), ((PREFIX + '/a', 'json', True), 'path'), (('/<a', 'json', True), 'path'),
    (('/<none:a>', 'json', True), 'path'), (('/<a>/<a>', 'json', True), 'path'),
    (('/<int(nosuch=1):a>', 'json', True), 'path'),
    (('/a', 'JSON', True), 'mode'), (('/a', b'json', True), 'mode'), (('/a', ('json',), True), 'mode'),
    (('/a', 'json', 1), 'mustbeauthenticated'), (('/a', 'json', None), 'mustbeauthenticated')])
def test_a_bad_argument_is_named_with_what_is_allowed(arguments, what):
    with pytest.raises(AssertionError) as caught:
        routes.check_arguments(*arguments, PREFIX)
    assert str(caught.value).startswith(f'longpolling.route: {what} is ')
    assert ', but it must be ' in str(caught.value)


def test_routes_answer_only_for_the_modules_asked_for():
    table = routes.RouteTable()
    own, foreign = declare(table, '/a', 'mine'), declare(table, '/b', 'other')
    assert match(table, '/a', 'mine') == (own, {})
    assert match(table, '/b', 'mine', 'other') == (foreign, {})
    with pytest.raises(NotFound):
        match(table, '/b', 'mine')
    with pytest.raises(NotFound):
        match(table, '/a')


def test_the_first_declaration_of_a_path_answers():
    table = routes.RouteTable()
    first = declare(table, '/a', 'first')
    second = declare(table, '/a', 'second')
    assert match(table, '/a', 'first', 'second')[0] is first
    assert match(table, '/a', 'second')[0] is second


def test_a_route_that_is_declared_later_is_found():
    table = routes.RouteTable()
    declare(table, '/a')
    match(table, '/a', 'web_longpolling')
    late = declare(table, '/late/<int:x>')
    assert match(table, '/late/5', 'web_longpolling') == (late, {'x': 5})


def test_only_a_serving_table_logs(caplog):
    caplog.set_level(logging.INFO)
    table = routes.RouteTable()
    declare(table, '/early')
    assert not caplog.messages
    table.serve()
    declare(table, '/late')
    assert caplog.messages == ["Add the rule: 'controller:/openerplongpolling/early'",
                               "Add the rule: 'controller:/openerplongpolling/late'"]
    assert {record.name for record in caplog.records} == {'openerp.addons.web_longpolling.longpolling'}


@pytest.mark.parametrize('name, addon', [
    ('openerp.addons.my_addon.controllers', 'my_addon'), ('odoo.addons.my_addon', 'my_addon'),
    ('odoo.addons.my_addon.a.b', 'my_addon'), ('odoo.addons', 'web_longpolling'), ('__main__', 'web_longpolling'),
    ('odoo.tools.misc', 'web_longpolling')])
def test_a_route_belongs_to_the_addon_of_its_controller(name, addon):
    def function(request):
        """Stands for an addon's."""
    function.__module__ = name
    assert routes.addon_of(function) == addon


def test_a_path_is_found_again_without_a_search_and_not_past_a_new_route():
    table = routes.RouteTable()
    room = declare(table, '/<room>', 'mine')
    modules = frozenset(['mine'])
    assert table.match(modules, PREFIX + '/a') == (room, {'room': 'a'})
    plain = declare(table, '/a', 'mine')
    assert [table.match(modules, PREFIX + path) for path in ('/a', '/a', '/a/', '/a/')] == [(plain, {})] * 4
    assert table.match(modules, PREFIX + '/b') == (room, {'room': 'b'})
    with pytest.raises(NotFound):
        table.match(frozenset(), PREFIX + '/a')
