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


def test_the_board_shows_each_panel_with_what_it_means():
    panels = json.loads(BOARD.read_text())['panels']
    assert all(panel['title'] and panel['description'] for panel in panels)
    places = [(panel['gridPos']['x'], panel['gridPos']['y']) for panel in panels]
    assert len(set(places)) == len(places)


def test_the_page_says_of_each_alert_what_it_means_and_what_to_do():
    assert re.findall(r'^``(\w+)``$', PAGE, re.MULTILINE) == ALERTS
