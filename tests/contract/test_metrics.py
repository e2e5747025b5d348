"""/metrics: each figure is there, under the name that the page on metrics gives it, and counts right."""

import collections
import itertools
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sandbox.paths import ROOT
from tests.support.held_polls import connection, eventually
from tests.support.pages import Page, payloads

TELLER = 'longpolling.test.teller'
END_LATEST_LISTENER = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'longpolling listener'
    ORDER BY backend_start DESC LIMIT 1"""
ROW = re.compile(r'^(longpolling_\w+)(?: ([*+]))? {2,}\S')
LABELS = {None: set(), '*': {'database'}, '+': {'database', 'route'}}
_channels = (f'counted-{number}' for number in itertools.count(1))


class Counted:
    """A sidecar of the test's own, and its metrics."""

    def __init__(self, serving, stack, http):
        self.url = serving.url
        self._db = stack.db
        self._http = http

    def families(self):
        """What /metrics holds, without the times at which prometheus_client began to count."""
        text = self._http.get(self.url + '/metrics', timeout=10).text
        return [family for family in text_string_to_metric_families(text) if not family.name.endswith('_created')]

    def samples(self, name: str) -> list:
        return [sample for family in self.families() for sample in family.samples if sample.name == name]

    def __getitem__(self, name: str) -> float:
        """The figure `longpolling_NAME`, be it the process's or the database's; the sum, if it is one by route."""
        samples = self.samples(f'longpolling_{name}')
        if not all('route' in sample.labels for sample in samples):
            [sample] = samples
            assert sample.labels in ({}, {'database': self._db})
        return sum(sample.value for sample in samples)

    def answers(self) -> dict[str, float]:
        """How many polls were answered with each status."""
        counted = collections.Counter()
        for sample in self.samples('longpolling_polls_answered_total'):
            counted[sample.labels['status']] += sample.value
        return dict(counted)

    def routes(self, name: str) -> dict[tuple[str, str], float]:
        """The figure by database and route, without the long polling path."""
        return {(sample.labels['database'], sample.labels['route'].removeprefix('/openerplongpolling')): sample.value
                for sample in self.samples(f'longpolling_{name}')}

    def below(self, name: str, seconds: str) -> float:
        """How many observations of the histogram `longpolling_NAME` were not more than so many seconds."""
        [value] = [sample.value for sample in self.samples(f'longpolling_{name}_bucket')
                   if sample.labels['le'] == seconds]
        return value


@pytest.fixture
def sidecar(stack, programs, visitor, request):
    """A sidecar that has one cursor; its polls outlast any test, unless the parameter says so many seconds."""
    config = programs.config('counted', longpolling_timeout=getattr(request, 'param', 60))
    with programs.serving('-c', config, '-p', programs.port(), '--max-cursor', '1') as serving:
        yield Counted(serving, stack, visitor.http)


@pytest.fixture
def threads():
    with ThreadPoolExecutor(10) as pool:
        yield pool


def test_the_page_on_metrics_names_what_there_is(sidecar):
    """Each name of its table is in /metrics and the other way round; * and + say by what it is counted."""
    table = {found[1]: LABELS[found[2]] for line in (ROOT / 'doc/reference/metrics.rst').read_text().splitlines()
             if (found := ROW.match(line))}
    families = {family.name + ('_total' if family.type == 'counter' else ''): family for family in sidecar.families()}
    assert set(table) == set(families)
    for name, labels in table.items():
        assert families[name].documentation
        for sample in families[name].samples:
            assert sample.labels.keys() - {'le', 'status'} == labels, name


@pytest.mark.parametrize('sidecar', [2], indirect=True)
def test_polls_are_counted_as_they_come_and_by_how_they_end(sidecar, stack, visitor, ann):
    """Each poll that arrived is held, was answered with a status, or is gone."""
    for session, route, status in ((ann, '/who', 200), (ann, '/public', 200), (visitor, '/who', 401),
                                   (ann, '/hold/never', 204), (ann, '/nowhere', 404), (ann, '/fails', 500)):
        assert session.poll(route, url=sidecar.url).status_code == status
    assert sidecar.answers() == {'200': 2, '204': 1, '401': 1, '404': 1, '500': 1}
    assert (sidecar['polls_started_total'], sidecar['polls_held'], sidecar['polls_gone_total']) == (6, 0, 0)
    with connection(ann, sidecar.url, '/hold/never', {}):
        eventually(lambda: sidecar['polls_held'] == 1)
        assert (sidecar['polls_started_total'], sidecar['polls_gone_total']) == (7, 0)
    eventually(lambda: sidecar['polls_gone_total'] == 1)
    assert sidecar['polls_held'] == 0
    assert sum(sidecar.answers().values()) == 6
    assert sidecar.routes('polls_started_total') == {
        (stack.db, '/who'): 1, ('', '/who'): 1, (stack.db, '/public'): 1, (stack.db, '/hold/never'): 2,
        (stack.db, '/fails'): 1, (stack.db, ''): 1}
    assert sidecar.routes('polls_gone_total') == {(stack.db, '/hold/never'): 1}


def test_what_wakes_polls_is_counted_and_how_soon_they_are_answered(sidecar, admin, ann, threads):
    """A wake-up for each notification, one reading of the feed for all followers, one time for each poll woken."""
    channel = next(_channels)
    assert ann.poll('/who', url=sidecar.url).status_code == 200     # answers, and waits for nothing
    assert (sidecar['wakeups_total'], sidecar['notify_to_answer_seconds_count']) == (0, 0)

    page = Page(ann.clone(), '/news/follow', {'channels': [channel]})
    page.poll(url=sidecar.url)
    listening = threads.submit(page.poll, url=sidecar.url)
    eventually(lambda: sidecar['polls_held'] == 1)
    # The one cursor is in use for a while, and the session of a poll that is woken is verified again with a cursor.
    threads.submit(ann.clone().poll, '/read/sleep', {'seconds': 2}, url=sidecar.url)
    eventually(lambda: (sidecar['polls_held'], sidecar['budget_used']) == (2, 1))
    admin.rpc(TELLER, 'publish', [next(_channels), ['nobody waits for this']])
    admin.rpc(TELLER, 'publish', [channel, ['first', 'second']])
    assert payloads(listening.result().json()) == ['first', 'second']
    assert (sidecar['wakeups_total'], sidecar['notify_to_answer_seconds_count']) == (2, 1)
    assert 0.5 < sidecar['notify_to_answer_seconds_sum'] < 5
    assert sidecar.below('notify_to_answer_seconds', '0.5') == 0

    following = [threads.submit(Page(ann.clone(), '/news/follow', {'channels': channel}, page.position).poll,
                                url=sidecar.url) for _ in range(3)]
    eventually(lambda: sidecar['polls_held'] == 3 and not sidecar['budget_used'] and not sidecar['budget_waiting'])
    wakeups, reads = sidecar['wakeups_total'], sidecar['feed_reads_total']
    answered = sidecar['notify_to_answer_seconds_count']
    admin.rpc(TELLER, 'publish', [channel, ['news']])
    assert [poll.result().json()['events'][0]['payload'] for poll in following] == ['news'] * 3
    assert sidecar['wakeups_total'] - wakeups == 1
    assert sidecar['feed_reads_total'] > reads       # once for the wake-up, and a look each second
    assert sidecar['notify_to_answer_seconds_count'] - answered == 3


def test_the_budget_reports_who_has_it_who_waits_and_for_how_long(sidecar, ann, threads):
    """Three reads and one cursor: one has it, others wait, and afterwards one has waited for more than a second."""
    assert ann.poll('/public', url=sidecar.url).status_code == 200
    assert (sidecar['budget_size'], sidecar['budget_used'], sidecar['budget_waiting']) == (1, 0, 0)
    count = sidecar['budget_wait_seconds_count']
    assert count == sidecar.below('budget_wait_seconds', '0.0005')     # who need not wait is counted too
    reading = [threads.submit(ann.clone().poll, '/read/sleep', {'seconds': 1.5}, url=sidecar.url) for _ in range(3)]
    # Two wait, or one for both: their logins are verified together, and the first may read before they come.
    eventually(lambda: sidecar['budget_used'] == 1 and sidecar['budget_waiting'] in (1, 2))
    assert [poll.result().status_code for poll in reading] == [200, 200, 200]
    assert (sidecar['budget_used'], sidecar['budget_waiting']) == (0, 0)
    assert sidecar['budget_wait_seconds_count'] >= count + 4           # to log in, all of them at once, and to read
    assert sidecar['budget_wait_seconds_count'] > sidecar.below('budget_wait_seconds', '1.0')
    assert sidecar['budget_wait_seconds_sum'] > 1


def test_a_listening_connection_that_breaks_is_counted(sidecar, sql):
    """It was made anew once; and there is one again."""
    eventually(lambda: sidecar['listening'] == 1)
    assert (sidecar['loaded'], sidecar['reconnects_total']) == (1, 0)
    sql(END_LATEST_LISTENER)
    eventually(lambda: (sidecar['listening'], sidecar['reconnects_total']) == (1, 1))


def test_a_controller_that_blocks_the_loop_shows_in_its_lag(sidecar, ann):
    """At the next look, for a second; then the loop is on time again."""
    eventually(lambda: sidecar['loop_lag_seconds'] < 0.3)
    assert ann.poll('/block', {'seconds': 2}, url=sidecar.url).status_code == 200
    eventually(lambda: sidecar['loop_lag_seconds'] > 0.9)
    eventually(lambda: sidecar['loop_lag_seconds'] < 0.3)
