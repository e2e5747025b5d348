"""etc/prometheus and etc/grafana: promtool reads the rules, and tries each with figures that should raise it."""

import json
import re

import pytest

from sandbox.build.programs import promtool
from sandbox.paths import ROOT
from web_longpolling.sidecar.database.databases import Databases
from web_longpolling.sidecar.database.limit import ConnectionLimit
from web_longpolling.sidecar.metrics import Metrics
from web_longpolling.sidecar.polls import Polls

RULES = ROOT / 'etc/prometheus/longpolling.rules.yml'
BOARD = ROOT / 'etc/grafana/longpolling.json'
PAGE = (ROOT / 'doc/monitoring.rst').read_text()
METRICS = (ROOT / 'doc/reference/metrics.rst').read_text()
ALERTS = re.findall(r'- alert: (\w+)', RULES.read_text())


def names_in(text: str) -> set[str]:
    """The metrics that queries name; a histogram by the name of itself."""
    without_groups = re.sub(r'by \([^)]*\)', '', text)
    return {re.sub('_bucket$', '', name) for name in re.findall(r'\blongpolling_\w+', without_groups)}


def told() -> set[str]:
    """The metrics of a process, as /metrics declares them."""
    text = Metrics(Databases(1, 1, ConnectionLimit()), Polls(1, 1)).answer('/metrics').body.decode()
    return set(re.findall(r'^# TYPE (\w+) ', text, re.MULTILINE))


def queries() -> list[str]:
    board = json.loads(BOARD.read_text())
    return [target['expr'] for panel in board['panels'] for target in panel['targets']] + [
        variable['query'] for variable in board['templating']['list']]


def test_promtool_takes_the_rules():
    done = promtool('check', 'rules', RULES)
    assert done.returncode == 0, done.stdout
    assert f'{len(ALERTS)} rules found' in done.stdout


def test_each_alert_fires_in_trouble_and_none_on_a_day_without():
    tests = RULES.with_name('longpolling.rules.test.yml')
    done = promtool('test', 'rules', tests)
    assert done.returncode == 0, done.stdout
    raised = re.findall(r'alertname="(\w+)"', tests.read_text())
    assert sorted(raised) == sorted(ALERTS)


def conditions() -> list[str]:
    return re.findall(r'expr: (?:>\n)?((?:.*\n)+?)(?= +(?:for|labels):)', RULES.read_text())


@pytest.mark.parametrize('expressions', [conditions(), queries()], ids=['rules', 'board'])
def test_each_metric_that_is_named_exists(expressions):
    named = names_in(' '.join(expressions))
    assert len(named) > 7
    assert named <= told()


def test_promtool_takes_the_queries_of_the_board(tmp_path):
    """Each as a rule of its own, with the board's variables filled in."""
    rules = tmp_path / 'board.yml'
    filled = [query.replace('$__rate_interval', '5m').replace('$instance', '.*').replace('$database', '.*')
              for query in queries() if 'label_values' not in query and query != 'prometheus']
    assert len(filled) > 10
    rules.write_text(json.dumps({'groups': [{'name': 'board', 'rules': [
        {'record': f'board:query{number}', 'expr': query} for number, query in enumerate(filled)]}]}))
    done = promtool('check', 'rules', rules)
    assert done.returncode == 0, done.stdout


def labels_of(metric: str) -> set[str]:
    """As the reference says, which is tested against a sidecar; `instance` and `job` are Prometheus' own."""
    row = re.search(rf'^{metric}(?: ([*+]))? {{2,}}', METRICS, re.MULTILINE)
    assert row, metric
    found = {'instance', 'job'} | {None: set(), '*': {'database'}, '+': {'database', 'route'}}[row[1]]
    return found | ({'status'} if metric == 'longpolling_polls_answered_total' else set())


@pytest.mark.parametrize('expressions', [conditions(), queries()], ids=['rules', 'board'])
def test_each_label_that_is_named_is_one_of_its_metric(expressions):
    """A filter by another label, or a sum by one, shows nothing or a single line, and no error."""
    checked = 0
    for expression in expressions:
        for metric, filters in re.findall(r'\b(longpolling_\w+?)(?:_bucket)?\b(?:\{([^}]*)\})?', expression):
            for label in re.findall(r'(\w+)[!=]=?~?"', filters):
                assert label in labels_of(metric), expression
                checked += 1
        common = set.intersection(*[labels_of(metric) for metric in names_in(expression)] or [set()]) | {'le'}
        for group in re.findall(r'\b(?:by|on) \(([^)]*)\)', expression):
            assert set(re.split(r',\s*', group)) <= common, expression
            checked += 1
    assert checked > 5


def test_the_board_is_one_that_grafana_reads():
    """Its model: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/."""
    board = json.loads(BOARD.read_text())
    assert 'id' not in board and re.fullmatch(r'[a-zA-Z0-9_-]{1,40}', board['uid'])
    assert isinstance(board['schemaVersion'], int) and set(board['time']) == {'from', 'to'}
    assert not board.get('__inputs'), 'it can be provisioned as it is'
    variables = {variable['name']: variable for variable in board['templating']['list']}
    assert list(variables)[0] == 'datasource' and variables['datasource']['type'] == 'datasource'
    used = set(re.findall(r'\$\{?(\w+)', BOARD.read_text())) - {'__rate_interval', '__all'}
    assert used == set(variables)
    panels = board['panels']
    assert len({panel['id'] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        assert panel['type'] in ('timeseries', 'stat', 'gauge', 'table', 'row', 'text', 'bargauge', 'heatmap')
        assert set(panel['fieldConfig']) == {'defaults', 'overrides'}
        place = panel['gridPos']
        cells = {(x, y) for x in range(place['x'], place['x'] + place['w'])
                 for y in range(place['y'], place['y'] + place['h'])}
        assert not cells & taken and max(x for x, _ in cells) < 24, panel['title']
        taken |= cells
        assert len({target['refId'] for target in panel['targets']}) == len(panel['targets'])
        for source in [panel, *panel['targets'], *[each for each in variables.values() if each['type'] == 'query']]:
            assert source['datasource'] == {'type': 'prometheus', 'uid': '${datasource}'}


def test_the_board_shows_each_panel_with_what_it_means():
    panels = json.loads(BOARD.read_text())['panels']
    assert all(panel['title'] and panel['description'] for panel in panels)
    places = [(panel['gridPos']['x'], panel['gridPos']['y']) for panel in panels]
    assert len(set(places)) == len(places)


def test_the_page_says_of_each_alert_what_it_means_and_what_to_do():
    assert re.findall(r'^``(\w+)``$', PAGE, re.MULTILINE) == ALERTS
