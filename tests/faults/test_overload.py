"""More is asked than the cursors can do: each of them works for answers that arrive, and everybody has his share."""

import asyncio
import collections
import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.held_polls import eventually
from tests.support.pages import Page

from .background_load import request

SLEEP = '/read/sleep'


@pytest.fixture
def sidecar(stack, programs):
    """A function that starts a sidecar: `with sidecar(cursors, longpolling_timeout=3) as serving`."""
    @contextlib.contextmanager
    def start(cursors, *more, **options):
        config = programs.config('overload', **options)
        with programs.serving('-c', config, '-d', stack.db, '-p', programs.port(), '--max-cursor', cursors,
                              *more) as serving:
            yield serving
    return start


def ask(url, people, count, seconds, every=0.0) -> list:
    """(status, error or None, seconds that it took) of so many polls that read for so many seconds each."""
    async def one(number):
        await asyncio.sleep(number * every)
        begun = time.monotonic()
        status, _, body = await request(url, people[number % len(people)], SLEEP, {'seconds': seconds})
        return status, body.decode() if status != 200 else None, time.monotonic() - begun

    async def all_of_them():
        return await asyncio.gather(*(one(number) for number in range(count)))

    # In a thread of its own: Playwright's event loop runs in the main thread once a browser test has been run.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(all_of_them())).result()


def statuses(answers) -> dict:
    return collections.Counter(status for status, _, _ in answers)


@pytest.mark.parametrize('of', ['one user', 'four users'])
def test_two_cursors_answer_four_of_eight_long_reads(sidecar, people, of):
    """--max-cursor 2, longpolling_timeout = 3, reads of 1.2 s: two rounds end in time; the others come again."""
    with sidecar(2, longpolling_timeout=3) as serving:
        for _ in range(2):      # and the second time it is known how long they last
            found = statuses(ask(serving.url, people if of == 'four users' else people[:1], 8, 1.2))
            assert found[200] >= 4, found
            assert set(found) <= {200, 503}, found


def test_the_defaults_answer_two_hundred_reads_of_two_seconds(sidecar, people):
    """Eight cursors and a minute are enough for 240 of them."""
    with sidecar(8, longpolling_timeout=None) as serving:
        found = statuses(ask(serving.url, people, 200, 2))
        assert found[200] >= 0.8 * 200, found
        assert set(found) <= {200, 503}, found


def test_ten_times_more_than_there_is_time_for(sidecar, people):
    """80 % at least of what the cursors can do is answered, and nobody who could not look is told 204."""
    cursors, timeout, seconds = 2, 8, 0.5
    most = cursors * timeout / seconds
    with sidecar(cursors, longpolling_timeout=timeout, longpolling_max_held_per_session=1000) as serving:
        for _ in range(2):
            found = statuses(ask(serving.url, people, int(10 * most), seconds))
            assert found[200] >= 0.8 * most, found
            assert set(found) <= {200, 503}, found


def test_a_query_that_is_cut_off_is_no_answer(sidecar, people):
    """By the poll's timeout: 503, and a line in the log names the route."""
    with sidecar(2, longpolling_timeout=1) as serving:
        [(status, error, seconds)] = ask(serving.url, people, 1, 30)
        assert status == 503
        assert 'cut off' in error
        assert seconds < 5
        eventually(lambda: f'A read of {people[0].path}{SLEEP} in database' in serving.log)
        assert 'Traceback' not in serving.log


@pytest.mark.parametrize('cursors', [2, 3])
def test_slow_reads_leave_a_cursor_to_a_quick_one(sidecar, people, cursors):
    """Somebody else's quick poll comes when slow reads have all cursors: it waits for seconds, not for their end."""
    with sidecar(cursors, longpolling_timeout=30) as serving, ThreadPoolExecutor(20) as pool:
        slow = [pool.submit(people[number % 3].clone().poll, SLEEP, {'seconds': 15}, url=serving.url)
                for number in range(10)]
        time.sleep(1)
        begun = time.monotonic()
        assert people[3].poll('/who', url=serving.url).status_code == 200
        assert time.monotonic() - begun < 12
        begun = time.monotonic()        # and from now on at once
        for _ in range(5):
            assert people[3].poll('/who', url=serving.url).status_code == 200
        assert time.monotonic() - begun < 5
        found = collections.Counter(poll.result().status_code for poll in slow)
        assert set(found) == {200, 503}
        assert found[200] >= cursors - 1


def test_a_user_with_many_polls_does_not_keep_another_waiting(sidecar, people):
    """One cursor, sixty reads of half a second of one user: another user's read is the next but one."""
    with sidecar(1, longpolling_timeout=50) as serving:
        many = threading.Thread(target=ask, args=(serving.url, people[:1], 60, 0.5))
        many.start()
        time.sleep(1)
        [(status, _, seconds)] = ask(serving.url, people[1:2], 1, 0.1)
        assert (status, seconds < 5) == (200, True)
        many.join()


def test_an_answer_that_is_there_waits_for_no_reader(sidecar, admin, people, channel):
    """One cursor and readers in a queue: a held poll that is woken is verified before them, and answered.

    Its timeout comes meanwhile: that does not take its answer away.
    """
    with sidecar(1, longpolling_timeout=6) as serving, ThreadPoolExecutor(30) as pool:
        page = Page(people[1].clone(), '/news/wait', {'channels': [channel]})
        assert page.poll(url=serving.url).json() == []
        held = pool.submit(page.poll, url=serving.url)
        time.sleep(4)
        readers = [pool.submit(people[0].clone().poll, SLEEP, {'seconds': 2.5}, url=serving.url) for _ in range(6)]
        time.sleep(1)
        admin.rpc('longpolling.test.teller', 'publish', [channel, ['news']])
        answer = held.result()
        assert (answer.status_code, answer.text) == (200, f'["{channel}"]')
        assert {poll.result().status_code for poll in readers} <= {200, 503}
