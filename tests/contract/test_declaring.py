"""How an addon declares its controllers, and where their routes exist."""

import re

import pytest
import requests

from tests.support.programs import ADDON

LOGGER = r'INFO \S+ openerp\.addons\.web_longpolling\.longpolling: '


def rules(log):
    """(controller, path) of each rule that the sidecar has logged, in order."""
    return re.findall(LOGGER + r"Add the rule: '([^:]*):([^']*)'", log)


def test_openerp_addons_names_the_addon_on_every_host(stack, visitor):
    """`from openerp.addons.web_longpolling.longpolling import longpolling`, and it is the host's own module."""
    found = visitor.poll('/modules').json()
    assert found['host'] == {'openerp-7.0': 'openerp', 'odoo-19.0': 'odoo'}[stack.host]
    assert found["same"] is True and found["tables"] is True, found
    assert 'openerp.addons.web_longpolling.longpolling' in found['names']


@pytest.mark.parametrize('path', ['/mainroute', '/otherroute', '/varroute/one/two'])
def test_a_controller_may_be_declared_with_several_routes(ann, path):
    """You must declare the route(s) for each controller with a decorator."""
    answer = ann.poll(path)
    assert answer.status_code == 200
    assert answer.json() == ({'var1': 'one', 'var2': 'two'} if 'var' in path else {'var1': None, 'var2': None})


def test_path_is_a_slash_by_default(stack, ann):
    """path: by default is '/'."""
    assert ann.poll('/', {'a': 1}).json() == {'uid': ann.uid, 'kwargs': {'a': 1}}
    assert ann.poll('', {'a': 2}).json() == {'uid': ann.uid, 'kwargs': {'a': 2}}


def test_mode_is_json_by_default(ann):
    """mode: (json/http) by default is 'json'."""
    answer = ann.poll('/mainroute')
    assert answer.headers['Content-Type'] == 'application/json'


def test_mustbeauthenticated_is_true_by_default(visitor):
    """mustbeauthenticated: (True/False) by default is 'True'."""
    assert visitor.poll('/mainroute').status_code == 401


def test_the_decorator_takes_its_three_arguments_in_their_order(visitor):
    """The decorator route has got three arguments: path, mode, mustbeauthenticated."""
    assert visitor.poll('/positional').text == 'the three arguments in their order'


def test_variables_in_a_path_have_werkzeugs_types(ann):
    """@longpolling.route('/varroute/<var1>/<var2>'), with converters as werkzeug has them."""
    assert ann.poll('/types/5/2.5/a/b').json() == [['int', 5], ['float', 2.5], ['str', 'a/b']]
    assert ann.poll('/types/five/2.5/a/b').status_code == 404


def test_a_variable_may_hold_any_letter(ann):
    """The browser writes a variable percent-encoded."""
    assert ann.poll('/varroute/%C3%A4%20%25/%E2%82%AC').json() == {'var1': 'ä %', 'var2': '€'}


def test_the_long_polling_path_is_added_to_the_rule(stack):
    """Don't put the long polling path in path, because it is added automatically by the decorator."""
    assert ('sample', '/openerplongpolling/sample/user') in rules(stack.log('sidecar'))


def test_the_log_has_the_rules_before_the_start(stack):
    """The specification's lines: the rules, the innermost decorator first; Modules loaded; Start long polling …"""
    log = stack.log('sidecar')
    assert [path for controller, path in rules(log) if controller == 'myfunction'][:3] == [
        '/openerplongpolling/varroute/<var1>/<var2>',
        '/openerplongpolling/otherroute',
        '/openerplongpolling/mainroute']
    line = r'(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \d+ '
    order = [re.search(line + pattern, log) for pattern in (
        LOGGER + "Add the rule: 'myfunction:/openerplongpolling/varroute/<var1>/<var2>'",
        r'INFO \S+ (openerp|odoo)\.modules\.loading: Modules loaded\.',
        LOGGER + f"Start long polling server '127.0.0.1':{stack.sidecars[0].port}")]
    assert all(order), log
    assert [found.start() for found in order] == sorted(found.start() for found in order)


def test_the_host_does_not_answer_the_routes(stack, admin):
    """The routes are only declared on the gevent server, not in the OpenERP server."""
    for path in ('/mainroute', '/public'):
        address = stack.host_url + '/openerplongpolling' + path
        assert requests.get(address, timeout=30).status_code == 404
        assert admin.http.get(address, timeout=30).status_code == 404
        assert admin.http.post(address, json={}, timeout=30).status_code == 404
    assert 'Add the rule' not in stack.log('host')


def test_openerp_goes_on_serving_everything_else(stack, admin):
    """We don't replace the wsgi OpenERP server: another server runs in parallel, just for the long polling."""
    assert admin.rpc('res.users', 'read', [[admin.uid], ['login']])[0]['login'] == stack.login


@pytest.mark.parametrize('path', ['/nothing/here', '/mainroute/more', '/varroute/one', '/Mainroute'])
def test_an_unknown_route_is_not_found(ann, visitor, path):
    """No such route: 404, whether or not somebody is logged in."""
    for session in (ann, visitor):
        answer = session.poll(path)
        assert answer.status_code == 404
        assert answer.json() == {'error': 'There is no such long polling route here.'}


MISTAKES = {
    "path='mainroute'": "path is 'mainroute'",
    "path=5": "path is 5",
    "path=''": "path is ''",
    "path='/openerplongpolling'": "written without the long polling path /openerplongpolling",
    "path='/openerplongpolling/main'": "written without the long polling path /openerplongpolling",
    "path='/room/<int:room'": "path is '/room/<int:room'",
    "path='/room/<nosuch:room>'": "path is '/room/<nosuch:room>'",
    "path='/room/<a>/<a>'": "path is '/room/<a>/<a>'",
    "path='/room/<int(nosuch=1):room>'": "path is '/room/<int(nosuch=1):room>'",
    "mode='xml'": "mode is 'xml', but it must be one of 'json', 'http'",
    "mode=None": "mode is None, but it must be one of 'json', 'http'",
    "mode=['json']": "mode is ['json'], but it must be one of 'json', 'http'",
    "mustbeauthenticated=1": "mustbeauthenticated is 1, but it must be True or False",
    "mustbeauthenticated='yes'": "mustbeauthenticated is 'yes', but it must be True or False",
}

SNIPPET = """
import sys
sys.path.insert(0, sys.argv[1])
from host import boot
boot.configure(sys.argv[2])
del sys.path[0]
if boot.package() == 'odoo':
    import odoo.addons.web_longpolling      # makes the name openerp known, as the host's own loading does
from openerp.addons.web_longpolling.longpolling import longpolling
for words in sys.argv[3:]:
    try:
        eval('longpolling.route(%s)' % words)
    except AssertionError as error:
        print('%s => %s' % (words, error))
    else:
        print('%s => accepted' % words)
"""


@pytest.mark.parametrize('options', [(), ('-O',)], ids=['asserts', 'python -O'])
def test_bad_arguments_raise_an_assertion(stack, programs, options):
    """An assert will be raised if you fill bad arguments; with a sentence, and also under python -O."""
    outcome = programs.run(*options, '-c', SNIPPET, ADDON,
                           stack.config, *MISTAKES, "'/room/<int:room>', 'http', False")
    said = dict(line.split(' => ', 1) for line in outcome.out.splitlines() if ' => ' in line)
    assert outcome.status == 0, outcome.err
    assert said.pop("'/room/<int:room>', 'http', False") == 'accepted'
    assert set(said) == set(MISTAKES)
    for words, sentence in MISTAKES.items():
        assert sentence in said[words]
        assert said[words].startswith('longpolling.route: ')
