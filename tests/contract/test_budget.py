"""--max-cursor: the max number of the simultaneous cursors open by database."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.held_polls import connection, eventually

from .conftest import MAX_CURSOR, TIMEOUT

POLLS = 50
WATCH_SECONDS = 0.005


@pytest.fixture
def patient(stack, programs, dispatching, sql):
    """A sidecar behind nginx that has two cursors and time for fifty polls; yields a Watch of its connections."""
    config = programs.config('patient', longpolling_timeout=60)
    foreign = [pid for pid, in sql("SELECT pid FROM pg_stat_activity")]
    with programs.serving('-c', config, '-d', stack.db, '-p', programs.port(), '--max-cursor', '2') as serving:
        dispatching(sidecar_ports=(serving.address[1],), timeout=60)
        with Watch(sql, foreign) as watch:
            yield watch


class Watch:
    """Looks at pg_stat_activity again and again for the length of the block.

    most: the most connections that the sidecar had at once
    looks: how often it looked
    """

    def __init__(self, sql, foreign):
        self.most = self.looks = 0
        self._sql = sql
        self._foreign = foreign
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._end.set()
        self._thread.join()

    def _look(self):
        while not self._end.wait(WATCH_SECONDS):
            [(count,)] = self._sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'longpolling' "
                                   "AND pid <> ALL(%s)", (self._foreign,))
            self.most = max(self.most, count)
            self.looks += 1


def test_fifty_polls_share_two_cursors(patient, ann):
    """--max-cursor 2: fifty controllers that read at the same time all succeed and hold never more than two."""
    sessions = [ann.clone() for _ in range(POLLS)]
    begun = time.monotonic()
    with ThreadPoolExecutor(POLLS) as pool:
        answers = list(pool.map(lambda session: session.poll('/read/sleep', {'seconds': 0.1}), sessions))
    seconds = time.monotonic() - begun
    assert [answer.status_code for answer in answers] == [200] * POLLS
    assert {answer.json() for answer in answers} == {ann.uid}
    assert seconds >= POLLS * 0.1 / 2       # two at a time, no more
    assert patient.looks > POLLS / 2
    assert patient.most == 2


def test_a_poll_that_gets_no_cursor_is_asked_to_come_again(ann):
    """A poll that can't get its cursor before its timeout gets 503 with Retry-After."""
    with ThreadPoolExecutor(MAX_CURSOR) as pool:
        holders = [pool.submit(ann.clone().poll, '/read/slow_to_leave', {'seconds': 1.5}) for _ in range(MAX_CURSOR)]
        time.sleep(0.8)
        begun = time.monotonic()
        answer = ann.poll('/sample/user')
        seconds = time.monotonic() - begun
        assert answer.status_code == 503
        assert int(answer.headers['Retry-After']) > 0
        assert answer.json()['error'].endswith("until the poll's timeout; try again.")
        assert seconds == pytest.approx(TIMEOUT, abs=0.6)
        assert [holder.result().status_code for holder in holders] == [204] * MAX_CURSOR
    assert ann.poll('/sample/user').status_code == 200


def test_a_poll_that_waits_holds_no_cursor(ann, visitor):
    """Held: it owns a greenlet and a socket, and no cursor; more polls can wait than there are cursors."""
    with ThreadPoolExecutor(MAX_CURSOR * 2) as pool:
        held = [pool.submit(ann.clone().poll, '/who', {'pause': 1.5}) for _ in range(MAX_CURSOR * 2)]
        time.sleep(0.7)
        begun = time.monotonic()
        assert ann.poll('/sample/user').status_code == 200
        assert time.monotonic() - begun < 0.7
        assert {poll.result().status_code for poll in held} == {200}


def test_a_client_that_hangs_up_waits_for_no_cursor_any_more(stack, programs, ann, visitor):
    """Client gone: it leaves the queue for the cursor with which its login would be verified, within a second."""
    config = programs.config('waiting', longpolling_timeout=60)
    with programs.serving('-c', config, '-d', stack.db, '-p', programs.port(), '--max-cursor', '1') as serving, \
            ThreadPoolExecutor(1) as pool:
        def figure(name):
            text = visitor.http.get(serving.url + '/metrics', timeout=10).text
            return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

        pool.submit(ann.clone().poll, '/read/sleep', {'seconds': 6}, url=serving.url)
        eventually(lambda: figure('longpolling_budget_used{') == 1)
        time.sleep(0.3)     # its login was verified before, with a cursor too
        with connection(ann, serving.url, '/sample/user', {}):
            eventually(lambda: figure('longpolling_budget_waiting{') == 1)
        begun = time.monotonic()
        eventually(lambda: figure('longpolling_budget_waiting{') == 0)
        assert time.monotonic() - begun < 1
        assert figure('longpolling_polls_gone_total') == 1


def test_whose_login_is_being_verified_is_seen_with_its_database(stack, programs, ann, admin):
    """/polls and /metrics, in which an empty name would be a poll without a login. With one cursor, verifying waits."""
    with programs.serving('-c', programs.config('one-cursor', longpolling_timeout=30), '-d', stack.db,
                          '-p', programs.port(), '--max-cursor', '1') as serving, ThreadPoolExecutor(2) as pool:
        def polls():
            return admin.clone().http.get(serving.url + '/polls', timeout=10).json()
        reads = pool.submit(ann.clone().poll, '/read/sleep', {'seconds': 4}, url=serving.url)
        eventually(lambda: [poll['user'] for poll in polls()] == [ann.uid])
        waits = pool.submit(admin.clone().poll, '/who', url=serving.url)
        eventually(lambda: len(polls()) == 2)
        [unverified] = [poll for poll in polls() if poll['user'] is None]
        assert (unverified['database'], unverified['route']) == (stack.db, f'{stack.path}/who')
        text = admin.clone().http.get(serving.url + '/metrics', timeout=10).text
        assert f'longpolling_polls_held{{database="{stack.db}",route="{stack.path}/who"}} 1.0' in text
        assert 'longpolling_polls_held{database=""' not in text
        assert reads.result().status_code == 200 and waits.result().json()['uid'] == admin.uid
        assert 'Not as it should be, cursors: with --max-cursor 1 ' in serving.log
