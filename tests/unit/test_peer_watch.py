"""wire/peer_watch.py: connections whose state the kernel reports, without a host and without a dispatcher."""

import socket
import time
from contextlib import ExitStack, closing

import gevent
import pytest

from web_longpolling.sidecar.wire import peer_watch
from web_longpolling.sidecar.wire.peer_watch import (
    TCP_ESTABLISHED,
    UNKNOWN,
    BrowserDisconnected,
    PeerWatch,
    connection,
    states,
)

TCP_CLOSE_WAIT = 8
# Seconds between two looks in these tests, and in a sidecar.
STEP, REAL_STEP = 0.05, peer_watch.STEP
NOWHERE = '192.0.2.7 51234 127.0.0.1 80'

LISTENERS = {
    'IPv4': (socket.AF_INET, '127.0.0.1', '127.0.0.1'),
    'IPv6': (socket.AF_INET6, '::1', '::1'),
    'IPv4 at a socket for IPv6': (socket.AF_INET6, '::', '127.0.0.1'),
}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(peer_watch, 'STEP', STEP)


@pytest.fixture(params=LISTENERS)
def pair(request):
    """A browser's socket, the dispatcher's, which nobody reads, and the name that Apache gives them."""
    family, address, target = LISTENERS[request.param]
    with ExitStack() as stack:
        try:
            listener = stack.enter_context(closing(socket.socket(family)))
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address != '::')
            listener.bind((address, 0))
        except OSError:
            pytest.skip('this machine has no IPv6')
        listener.listen()
        browser = stack.enter_context(closing(socket.create_connection((target, listener.getsockname()[1]))))
        dispatcher = stack.enter_context(closing(listener.accept()[0]))
        yield browser, dispatcher, '{} {} {} {}'.format(*browser.getsockname()[:2], *browser.getpeername()[:2])


def held(watched, name, ends):
    """A greenlet that is held until its browser is gone; then `ends` has the time."""
    def poll():
        try:
            with watched.ends_poll(name):
                gevent.sleep(30)
        except BrowserDisconnected:
            ends.append(time.monotonic())
    return gevent.spawn(poll)


def test_a_look_is_taken_more_than_twice_a_second():
    assert REAL_STEP < 0.5


def test_the_kernel_reports_the_state_of_a_connection(pair):
    browser, dispatcher, name = pair
    known, nowhere = connection(name), connection(NOWHERE)
    another = connection('{} 1 {} {}'.format(browser.getsockname()[0], *browser.getpeername()[:2]))
    assert states([known, nowhere, another]) == {known: TCP_ESTABLISHED, nowhere: UNKNOWN, another: UNKNOWN}
    browser.close()
    time.sleep(0.05)
    assert states([known]) == {known: TCP_CLOSE_WAIT}
    dispatcher.close()
    time.sleep(0.05)
    assert states([known]) == {known: UNKNOWN}


def test_more_connections_than_fit_into_one_question(pair):
    wanted = [connection(f'192.0.2.7 {port} 127.0.0.1 80') for port in range(1, 1001)]
    known = connection(pair[2])
    found = states([*wanted, known])
    assert found.pop(known) == TCP_ESTABLISHED
    assert found == dict.fromkeys(wanted, UNKNOWN)


@pytest.mark.parametrize('name', [
    None, '', 'nonsense', '127.0.0.1 1', '127.0.0.1 1 127.0.0.1', '127.0.0.1 1 127.0.0.1 http', '1.2.3 1 127.0.0.1 80',
    ':: 1 127.0.0.1 80', '127.0.0.1 1 :: 80', '300.0.0.1 1 127.0.0.1 80', '127.0.0.1 -1 127.0.0.1 80',
    '127.0.0.1 1 127.0.0.1 65536', 'fe80::1%lo 1 ::1 80', '\xe4 1 127.0.0.1 80', '127.0.0.1 \xb2 127.0.0.1 80',
    '127.0.0.1 1 127.0.0.1 80 1'])
def test_a_name_that_is_none_is_no_failure(name):
    assert connection(name) is None
    with PeerWatch().ends_poll(name):
        gevent.sleep(0)


@pytest.mark.parametrize('how', ['closed', 'reset', 'closed before the first look', 'closed by the dispatcher too'])
def test_a_closed_connection_ends_its_poll_at_one_of_the_next_looks(pair, how):
    browser, dispatcher, name = pair
    ends = []
    greenlet = held(PeerWatch(), name, ends)
    if 'before' in how:
        gevent.sleep(0)
    else:
        gevent.sleep(1.5 * STEP)
        assert not ends
    if how == 'reset':
        browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\x01\x00\x00\x00\x00\x00\x00\x00')
    browser.close()
    if 'dispatcher' in how:
        dispatcher.close()
    greenlet.join(5)
    assert ends


def test_a_connection_that_is_open_or_unknown_ends_nothing_and_the_log_says_so_once(pair, caplog):
    ends = []
    watched = PeerWatch()
    greenlets = [held(watched, pair[2], ends), held(watched, NOWHERE, ends), held(watched, NOWHERE, ends)]
    gevent.sleep(2.5 * STEP)
    assert not ends
    assert [NOWHERE in record.getMessage() for record in caplog.records] == [True]
    gevent.killall(greenlets)


def test_nobody_asks_the_kernel_while_no_poll_is_watched(pair, monkeypatch):
    looks = []      # for how many connections each asked
    monkeypatch.setattr(peer_watch, 'states', lambda wanted: looks.append(len(wanted)) or states(wanted))
    watched = PeerWatch()
    for _ in range(2):
        looks.clear()
        greenlets = [held(watched, pair[2], []), held(watched, pair[2], []), held(watched, NOWHERE, [])]
        with gevent.Timeout(10):
            while len(looks) < 4:
                gevent.sleep(STEP / 4)
        assert looks[:4] == [1, 1, 1, 1]        # at the beginning of each, then once for all that is known
        gevent.killall(greenlets)
        looks.clear()
        gevent.sleep(2.5 * STEP)
        assert not looks


def test_a_kernel_that_does_not_answer_ends_nothing(pair, monkeypatch):
    watched = PeerWatch()
    ends = []
    greenlet = held(watched, pair[2], ends)
    gevent.sleep(0)
    monkeypatch.setattr(peer_watch, 'NETLINK_SOCK_DIAG', 31)       # nothing of that number
    pair[0].close()
    gevent.sleep(2.5 * STEP)
    assert not ends and not greenlet.dead
    assert states([connection(pair[2])]) == {}
    greenlet.kill()


def test_polls_of_one_connection_end_together(pair):
    """The streams of HTTP/2."""
    ends = []
    watched = PeerWatch()
    greenlets = [held(watched, pair[2], ends) for _ in range(50)]
    gevent.sleep(1.5 * STEP)
    pair[0].close()
    gevent.joinall(greenlets, 5)
    assert len(ends) == 50
