"""A poll that has ended leaves nothing that refers to itself.

It would stay in memory until Python's garbage collection looks at what is old, which it does seldom: in a sidecar of
200,000 objects after some four thousand polls.
"""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support import fixtures
from tests.support.held_polls import connection, eventually
from tests.support.pages import Page, following

TIMES = 6
TIMEOUT = 2


programs = fixtures.programs


@pytest.fixture(scope='module')
def serving(programs):
    with programs.serving('-c', programs.config('garbage', longpolling_timeout=TIMEOUT), '-p', programs.port()) as it:
        yield it


def answered(route, status, params=None):
    def end(serving, session, channel, publish):
        assert session.poll(route, params, url=serving.url).status_code == status
    return end


def with_news(kind):
    def end(serving, session, channel, publish):
        page = Page(session.clone(), f'/news/{kind}', {'channels': [channel]},
                    following(session, channel).position)
        with ThreadPoolExecutor(1) as pool:
            poll = pool.submit(page.poll, url=serving.url)
            time.sleep(.1)
            publish(channel, 'news')
            assert poll.result().status_code == 200
    return end


def hung_up(route, params=None):
    def end(serving, session, channel, publish):
        with connection(session, serving.url, route, params or {}):
            time.sleep(.1)
    return end


ENDS = {
    'answered': answered('/who', 200),
    'answered by a Response': answered('/http/response', 203),
    'without news': answered('/hold/never', 204),
    'cut off': answered('/read/sleep', 503, {'seconds': 10}),
    'failed': answered('/fails', 500),
    'refused': answered('/strict/1', 400, {'unknown': 1}),
    'not found': answered('/nowhere', 404),
    'waited': with_news('wait'),
    'followed': with_news('follow'),
    'hung up while held': hung_up('/hold/never'),
    'hung up while reading': hung_up('/read/sleep', {'seconds': 10}),
}


@contextlib.contextmanager
def without_garbage_collection(session, url):
    """In the block, what refers to itself stays in the sidecar's memory; a function that says how many requests."""
    def requests(**params) -> int:
        answer = session.poll('/news/uncollected', params, url=url)
        assert answer.status_code == 200, answer.text
        return answer.json()
    before = requests(collection='off')
    try:
        yield lambda: requests() - before
    finally:
        requests(collection='on')


@pytest.mark.parametrize('end', ENDS)
def test_a_poll_that_has_ended_is_not_in_memory(serving, ann, end, channel, publish):
    ENDS[end](serving, ann, channel, publish)
    with without_garbage_collection(ann.clone(), serving.url) as left:
        for _ in range(TIMES):
            ENDS[end](serving, ann, channel, publish)
        eventually(lambda: left() < TIMES / 2, 5, .5)
