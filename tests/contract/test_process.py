"""The process: how it stops, what it refuses, what it logs for the administrator."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import requests

from tests.support.held_polls import eventually

from .conftest import MAX_CURSOR


@contextmanager
def held(polls, session, url, route, params=None):
    """That many polls that wait, or read, each on a connection of its own; yields the futures of their answers."""
    with ThreadPoolExecutor(polls) as pool:
        answers = [pool.submit(session.clone().poll, route, params, url=url) for _ in range(polls)]
        eventually(lambda: len([poll for poll in requests.get(url + '/polls', timeout=10).json()
                                if poll['at_work' if route.startswith('/read') else 'channels']]) == polls)
        yield answers


@pytest.fixture
def patient(programs):
    """Arguments of a sidecar whose polls outlast any test."""
    return '-c', programs.config('patient', longpolling_timeout=60), '-p', programs.port()


def test_a_sidecar_that_stops_sends_held_polls_elsewhere(programs, patient, ann):
    with programs.serving(*patient) as serving, held(3, ann, serving.url, '/hold/never') as answers:
        status, seconds = serving.stop()
        for answer in answers:
            assert answer.result().status_code == 503
            assert answer.result().headers['X-Longpolling'] == 'stopping'
            assert answer.result().headers['Connection'] == 'close'
            assert int(answer.result().headers['Retry-After']) > 0
        assert status == 0
        assert seconds < 5
        assert 'Stopping: 3 polls are sent elsewhere' in serving.log
        assert 'Traceback' not in serving.log


def test_a_sidecar_that_stops_finishes_what_is_being_read(programs, patient, ann):
    with programs.serving(*patient) as serving, held(1, ann, serving.url, '/read/sleep', {'seconds': 2}) as answers:
        status, _ = serving.stop()
        assert answers[0].result().status_code == 200
        assert status == 0


def test_the_grace_period_bounds_the_stop(programs, patient, ann):
    with programs.serving(*patient, '--grace', '1') as serving, \
            held(1, ann, serving.url, '/read/sleep', {'seconds': 50}) as answers:
        status, seconds = serving.stop()
        assert status == 0
        assert seconds < 5
        assert answers[0].result().status_code == 503
        assert '1 polls did not end within 1.0 s' in serving.log


def test_more_polls_than_may_be_held_are_refused(programs, ann):
    config = programs.config('few', longpolling_timeout=60, longpolling_max_held=2)
    with programs.serving('-c', config, '-p', programs.port()) as serving, \
            held(2, ann, serving.url, '/hold/never') as answers:
        refused = ann.clone().poll('/silent', url=serving.url)
        assert refused.status_code == 503
        assert int(refused.headers['Retry-After']) > 0
        assert refused.json() == {'error': 'This server holds 2 polls already; try again later.'}
        serving.stop()
        assert [answer.result().status_code for answer in answers] == [503, 503]


def test_one_login_may_not_take_the_place_of_all(programs, ann, new_user):
    config = programs.config('fair', longpolling_timeout=60, longpolling_max_held_per_session=2)
    other = new_user('fair')
    with programs.serving('-c', config, '-p', programs.port()) as serving, \
            held(2, ann, serving.url, '/hold/never'):
        assert ann.clone().poll('/hold/never', url=serving.url).status_code == 503
        assert other.poll('/sample/user', url=serving.url).status_code == 200
        serving.stop()


def test_a_head_that_does_not_end_is_answered_with_408(programs, patient):
    with programs.serving(*patient) as serving, socket.create_connection(serving.address, 20) as slow:
        slow.sendall(b'GET /openerplongpolling/public HTTP/1.1\r\nHost: x\r\n')
        assert slow.recv(1000).startswith(b'HTTP/1.1 408 ')
        assert slow.recv(1000) == b''


def test_a_body_that_does_not_end_is_answered_with_408(programs, patient):
    with programs.serving(*patient) as serving, socket.create_connection(serving.address, 20) as slow:
        slow.sendall(b'POST /openerplongpolling/public HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{')
        assert slow.recv(1000).startswith(b'HTTP/1.1 408 ')


def test_a_controller_that_blocks_the_loop_is_named_in_the_log(programs, patient, ann):
    with programs.serving(*patient) as serving:
        assert ann.poll('/block', {'seconds': 1.6}, url=serving.url).status_code == 200
        time.sleep(0.5)
        assert 'One poll blocked all others for' in serving.log
        assert 'in blocks_the_loop' in serving.log


def test_a_controller_can_not_swallow_the_end_of_its_session(programs, patient, new_user, sql):
    user = new_user('gone')
    with programs.serving(*patient) as serving, held(1, user, serving.url, '/ignore') as answers:
        user.logout()
        sql("INSERT INTO longpolling_event (channel) VALUES ('never')")
        assert answers[0].result(20).status_code == 401


def test_sidecars_share_a_port_on_request(programs, ann):
    config, port = programs.config('shared', longpolling_timeout=60), programs.port()
    arguments = '-c', config, '-p', port, '--reuse-port'
    with programs.serving(*arguments) as first, programs.serving(*arguments) as second:
        assert first.address == second.address
        assert {ann.clone().poll('/sample/user', url=first.url).status_code for _ in range(20)} == {200}
        first.stop()
        assert {ann.clone().poll('/sample/user', url=second.url).status_code for _ in range(5)} == {200}


def test_the_sidecar_reports_its_health(programs, patient, visitor, ann, stack):
    with programs.serving(*patient) as serving, held(2, ann, serving.url, '/hold/never'):
        health = visitor.http.get(serving.url + '/health', timeout=10)
        assert health.status_code == 200
        assert health.json() == {'status': 'ok', 'polls_held': 2, 'listening': {stack.db: True}}
        serving.stop()


def test_its_health_is_not_published_by_the_dispatcher(visitor, stack):
    for path in ('/metrics', '/health'):
        assert 'polls_held' not in visitor.http.get(stack.url + path, timeout=30).text


def test_connections_are_as_many_as_the_budget_and_one_that_listens(ann, stack, sql):
    with ThreadPoolExecutor(20) as pool:
        answers = pool.map(lambda _: ann.clone().poll('/sample/user'), range(40))
        assert {answer.status_code for answer in answers} == {200}
    [(connections,)] = sql("SELECT count(*) FROM pg_stat_activity WHERE datname = %s "
                           "AND application_name LIKE 'longpolling%%'", (stack.db,))
    assert connections <= MAX_CURSOR + 1
