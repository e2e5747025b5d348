"""A held poll: whose session has ended meanwhile, and whose client has gone."""

import contextlib
import os
import time

import pytest

from tests.support import clients
from tests.support.held_polls import SECONDS, connection, eventually
from tests.support.pages import following

KINDS = ('wait', 'follow')
SECRET = 'not for the eyes of somebody who has left'
POLLS = 20
# Seconds in which everything of a poll is freed when its client has gone.
FREED = 1.0


def log_out(stack, admin, user):
    cookies = user.http.cookies.copy()
    user.logout()
    user.http.cookies = cookies


def change_password(stack, admin, user):
    admin.set_password(user.uid, 'changed')


def deactivate(stack, admin, user):
    admin.rpc('res.users', 'write', [[user.uid], {'active': False}])


def expire(stack, admin, user):
    clients.expire(stack, user)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('end', [log_out, change_password, deactivate, expire], ids=lambda end: end.__name__)
def test_a_session_that_ends_while_its_poll_is_held_gets_no_data(stack, holding, new_user, ann, admin, publish, channel,
                                                                 end, kind):
    """Woken, the session is verified again before the controller goes on: 401, and nothing of the news."""
    user = new_user()
    answer, other = getattr(holding, kind)(user, channel), holding.follow(ann, channel)
    end(stack, admin, user)
    publish(channel, SECRET)
    response = answer.result()
    assert response.status_code == 401
    assert response.json() == {'error': 'The session has ended; log in again.'}
    assert other.result().json()['events'][0]['payload'] == SECRET


@pytest.mark.parametrize('kind', KINDS)
def test_a_session_that_goes_on_is_answered(stack, holding, new_user, admin, publish, channel, kind):
    """What happens to other users' sessions is nothing to this one."""
    user, other = new_user(), new_user()
    answer = getattr(holding, kind)(user, channel)
    change_password(stack, admin, other)
    publish(channel, SECRET)
    assert answer.result().status_code == 200
    assert (SECRET if kind == 'follow' else channel) in answer.result().text


def descriptors(stack) -> int:
    """How many files and sockets the sidecar has open."""
    return len(os.listdir(f'/proc/{stack.sidecar_pid}/fd'))


@pytest.mark.parametrize('way', ['url', 'sidecar_url'], ids=['through nginx', 'directly'])
@pytest.mark.parametrize('kind', KINDS)
def test_a_client_that_hangs_up_frees_its_poll_within_a_second(stack, holding, ann, channel, kind, way):
    """Greenlet, subscription and socket are freed when the browser closes the connection."""
    params, position = {'channels': [channel]}, following(ann, channel).position
    with contextlib.ExitStack() as held:
        for _ in range(POLLS):
            held.enter_context(connection(ann, getattr(stack, way), f'/news/{kind}', params, position))
        eventually(lambda: holding.polls == POLLS and not holding.now()['cursors'])
        greenlets, opened = holding.now()['greenlets'], descriptors(stack)
        assert greenlets >= POLLS
        begun = time.monotonic()
    eventually(lambda: holding.polls == 0)
    assert time.monotonic() - begun < FREED
    # A connection to PostgreSQL, or one that nginx keeps with its greenlet, may have been opened meanwhile and stays;
    # those that nginx keeps for a minute from the tests before were there already.
    eventually(lambda: holding.now()['greenlets'] <= greenlets - POLLS / 2)
    eventually(lambda: descriptors(stack) <= opened - POLLS / 2)
    assert time.monotonic() - begun < 2 * FREED


@pytest.mark.parametrize('way', ['url', 'sidecar_url'], ids=['through nginx', 'directly'])
def test_a_client_that_hangs_up_frees_its_cursor_within_a_second(stack, holding, ann, sql, way):
    """A query that runs does not hold the cursor of a client that is gone; PostgreSQL soon ends it."""
    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(%' AND state = 'active'"
    with connection(ann, getattr(stack, way), '/read/sleep', {'seconds': SECONDS + 5}):
        eventually(lambda: holding.now()['cursors'] == 1)
        eventually(lambda: sql(running) == [(1,)])
        begun = time.monotonic()
    eventually(lambda: holding.now()['cursors'] == 0)
    assert time.monotonic() - begun < FREED
    # client_connection_check_interval is a second: the query goes when it is over.
    eventually(lambda: sql(running) == [(0,)])
    assert time.monotonic() - begun < 3 * FREED


def test_bytes_that_a_client_pipelines_are_no_hang_up(stack, holding, ann, publish, channel):
    """The poll goes on, and the second request is answered after it."""
    page = following(ann, channel)
    with connection(ann, stack.sidecar_url, '/news/follow', page.params, page.position) as sock:
        eventually(lambda: holding.polls == 1)
        sock.sendall(f'GET {ann.path}/public HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'.encode())
        time.sleep(0.3)
        assert holding.polls == 1
        publish(channel, 'news')
        answers = b''.join(iter(lambda: sock.recv(65536), b''))
    assert answers.count(b'HTTP/1.1 200 OK') == 2
    assert answers.index(b'news') < answers.index(b'"has"')
