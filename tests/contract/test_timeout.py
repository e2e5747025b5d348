"""The configuration file: longpolling_path, longpolling_timeout, and what becomes of them."""

import time

import pytest

from sandbox.paths import ROOT
from tests.support.pages import Page
from tests.support.programs import ADDON

from .conftest import TIMEOUT

SNIPPET = """
import sys
sys.path.insert(0, sys.argv[1])
from host import boot
boot.configure(sys.argv[2])
del sys.path[0]
if boot.package() == 'odoo':
    import odoo.addons.web_longpolling      # makes the name openerp known, as the host's own loading does
from openerp.addons.web_longpolling.longpolling import get_path, get_timeout
print('%r %r' % (get_path(), get_timeout()))
"""


@pytest.mark.parametrize('route', ['/silent', '/stubborn'])
def test_a_poll_without_news_is_answered_at_the_timeout(visitor, route):
    """The configuration file can define the timeout; nothing happened until then: 204, no body."""
    begun = time.monotonic()
    answer = visitor.poll(route)
    assert answer.status_code == 204
    assert answer.content == b''
    assert TIMEOUT - 0.1 < time.monotonic() - begun < TIMEOUT + 1


def test_each_poll_of_a_connection_has_its_own_timeout(visitor):
    """What is started per poll is ended with it: a timeout never fires in a later poll of the connection."""
    assert visitor.poll('/public').status_code == 200
    time.sleep(TIMEOUT / 2)
    begun = time.monotonic()
    assert visitor.poll('/silent').status_code == 204
    assert time.monotonic() - begun > TIMEOUT - 0.1


def test_the_timeout_ends_a_query_that_runs(admin, sql):
    """A poll ends at its timeout even while PostgreSQL works for it, and its cursor is free again.

    It could not look whether something has happened: 503, not 204.
    """
    begun = time.monotonic()
    answer = admin.poll('/read/sleep', {'seconds': 600})
    assert answer.status_code == 503
    assert int(answer.headers['Retry-After']) > 0
    assert answer.json() == {'error': 'Reading took too long, and was cut off; try again.'}
    assert time.monotonic() - begun < TIMEOUT + 1
    assert admin.poll('/sample/user').status_code == 200
    deadline = time.monotonic() + 10
    query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(600)%' AND state = 'active'"
    while sql(query) != [(0,)]:
        assert time.monotonic() < deadline, 'PostgreSQL still works for a poll that has ended'
        time.sleep(0.2)


def test_get_timeout_gives_the_timeout_in_seconds(ann):
    """The timeout of the longpolling can be got by the get_timeout function."""
    assert ann.poll('/sample/timeout').json() == TIMEOUT


def test_the_host_gives_the_browser_path_and_timeout(stack, admin):
    """The JavaScript class learns from the host where to poll and how long a poll lasts."""
    if stack.host == 'openerp-7.0':
        found = admin.call('/web_longpolling/configuration', {})
    else:
        found = admin.call('/web/session/get_session_info', {})['longpolling']
    assert found == {'path': '/openerplongpolling', 'timeout': TIMEOUT}


def test_the_defaults_are_the_specifications(programs):
    """Default: 60 seconds; default: /openerplongpolling."""
    config = programs.config('defaults', longpolling_timeout=None)
    assert settings(programs, config) == "'/openerplongpolling' 60.0"


def test_the_example_configuration_fits_the_dispatchers_as_it_is(programs):
    """The path is that of nginx/web_longpolling.conf, and the timeout is shorter than nginx's own."""
    assert settings(programs, ROOT / 'etc' / 'openerp.cfg') == "'/openerplongpolling' 30.0"
    nginx = (ROOT / 'nginx' / 'web_longpolling.conf').read_text()
    assert 'location /openerplongpolling {' in nginx and 'proxy_read_timeout 90s;' in nginx


def test_the_example_configuration_is_the_specifications(stack, programs):
    """etc/openerp.cfg: longpolling_path = /otherpath, longpolling_timeout = 30, without the semicolon."""
    example = (ROOT / 'etc' / 'openerp.cfg').read_text()
    assert example.count('; longpolling_path = /otherpath\n') == 1
    config = stack.folder.path / 'example.cfg'
    config.write_text(example.replace('; longpolling_path = ', 'longpolling_path = '))
    assert settings(programs, config) == "'/otherpath' 30.0"


def settings(programs, config) -> str:
    outcome = programs.run('-c', SNIPPET, ADDON, config)
    assert outcome.status == 0, outcome.err
    return outcome.out.strip()


def test_polls_can_be_dispatched_by_another_path(stack, programs, ann, visitor, dispatching):
    """longpolling_path = /otherpath: the dispatcher and the routes follow, and the default path is gone."""
    config = programs.config('otherpath', longpolling_path='/otherpath', longpolling_timeout=1)
    with programs.serving('-c', config, '-d', stack.db, '-p', programs.port()) as serving:
        dispatching(path='/otherpath', sidecar_ports=(serving.address[1],))
        other = ann.clone()
        other.path = '/otherpath'
        assert other.poll('/varroute/one/two').json() == {'var1': 'one', 'var2': 'two'}
        assert other.poll('/sample/timeout').json() == 1
        assert ann.poll('/mainroute').status_code == 404        # nginx sends it to the host
        assert "Add the rule: 'myfunction:/otherpath/mainroute'" in serving.log
        begun = time.monotonic()
        assert other.poll('/silent').status_code == 204
        assert time.monotonic() - begun < 2


@pytest.mark.parametrize('kind', ['wait', 'follow'])
def test_news_that_a_controller_did_not_answer_with_are_news_to_the_next_poll(ann, admin, kind):
    """204 after the controller had news: the page's position stays where it was, so nothing is lost."""
    channel = f'dawdled-{kind}'
    page = Page(ann.clone(), '/news/follow', {'channels': [channel]}).begin()
    admin.rpc('longpolling.test.teller', 'publish', [channel, ['news']])
    slow = Page(ann.clone(), '/news/dawdle', {'kind': kind, 'channel': channel}, page.position)
    assert slow.poll().status_code == 204
    page.position = slow.position
    assert page.payloads() == ['news']


def test_a_first_poll_that_ends_without_an_answer_is_followed_by_another_first_one(ann):
    """The page has seen nothing yet, so it gets no position to go on from."""
    page = Page(ann.clone(), '/news/dawdle', {'kind': 'wait', 'channel': 'dawdled-first'})
    assert page.poll().status_code == 204
    assert page.position is None
