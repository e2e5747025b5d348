"""What signals and odd arguments do to the process, and what it tells an operator who starts and restarts it."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest


def eventually(condition, seconds=15):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def patient(programs):
    return '-c', programs.config('signals', longpolling_timeout=60), '-p', programs.port()


@pytest.mark.parametrize('number', [signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2],
                         ids=lambda number: number.name)
def test_a_signal_that_is_no_stop_leaves_held_polls_alone(programs, patient, ann, number):
    """None of them ends it; systemd would take SIGHUP for a clean exit, and leave it down."""
    with programs.serving(*patient) as serving, ThreadPoolExecutor(1) as pool:
        held = pool.submit(ann.clone().poll, '/hold/never', url=serving.url)
        time.sleep(0.5)
        serving.child.send_signal(number)
        time.sleep(0.5)
        assert serving.child.poll() is None
        assert not held.done()
        assert ann.clone().poll('/sample/user', url=serving.url).status_code == 200
        assert 'Traceback (most recent' not in serving.log
        assert serving.stop()[0] == 0
        assert held.result().status_code == 503


def test_a_signal_that_comes_while_it_is_loaded_does_not_end_it_either(programs, patient):
    with programs.starting(*patient) as serving:
        eventually(lambda: 'Add the rule' in serving.log, 60)
        serving.child.send_signal(signal.SIGHUP)
        serving.child.send_signal(signal.SIGUSR1)
        serving.wait_ready()


def test_sighup_opens_the_log_file_again(stack, programs, patient):
    """logrotate: the old file gets another name, then SIGHUP."""
    place, old = stack.folder.tmp / 'rotated.log', stack.folder.tmp / 'rotated.log.1'
    with programs.starting(*patient, '--logfile', place) as serving:
        eventually(lambda: place.exists() and 'Start long polling server' in place.read_text(), 90)
        place.rename(old)
        serving.child.send_signal(signal.SIGHUP)
        eventually(lambda: place.exists() and 'SIGHUP: the log files were opened again' in place.read_text())
        serving.stop()
        assert 'Long polling server stopped' in place.read_text()
        assert 'Long polling server stopped' not in old.read_text()


def test_sigquit_writes_all_stacks_to_the_log(programs, patient, ann):
    with programs.serving(*patient) as serving, ThreadPoolExecutor(20) as pool:
        held = [pool.submit(ann.clone().poll, '/hold/never', url=serving.url) for _ in range(20)]
        time.sleep(1)
        serving.child.send_signal(signal.SIGQUIT)
        eventually(lambda: 'SIGQUIT: ' in serving.log and 'in waits_for_ever' in serving.log)
        assert '20 here:' in serving.log
        assert serving.log.count('in waits_for_ever') == 1
        serving.stop()
        assert {answer.result().status_code for answer in held} == {503}


def test_the_line_that_says_that_it_serves_comes_when_it_does(stack, programs, patient, visitor):
    """Operators use it to restart the next sidecar: it listens to the database by then, and accepts."""
    with programs.serving(*patient) as serving:
        health = visitor.http.get(serving.url + '/health', timeout=10)
        assert (health.status_code, health.json()['listening']) == (200, {stack.db: True})


def sentence(outcome) -> str:
    assert outcome.status == 1
    assert 'Traceback' not in outcome.err + outcome.out
    [said] = [line for line in outcome.err.splitlines() if line.startswith('server.py: ')]
    return said


def test_an_address_is_no_name_of_a_database(stack, programs):
    outcome = programs.server('-c', stack.config, '-d', 'postgresql://me:secret@localhost/db', '-p', programs.port())
    assert 'take the names of databases, not an address' in sentence(outcome)
    assert 'secret' not in outcome.err + outcome.out


def test_a_name_of_other_letters_is_told_before_anything_is_loaded(stack, programs):
    outcome = programs.server('-c', stack.config, '-d', 'Größe', '-p', programs.port())
    said = sentence(outcome)
    assert 'other letters than those of ASCII' in said if stack.host == 'openerp-7.0' else "can't be opened" in said
    assert 'Modules loaded' not in outcome.err + outcome.out


@pytest.mark.parametrize('interface', ['*', ''])
def test_an_interface_is_an_address(stack, programs, interface):
    outcome = programs.server('-c', stack.config, '-i', interface, '-p', programs.port())
    assert '0.0.0.0 is all of IPv4' in sentence(outcome)


@pytest.mark.parametrize('place', ['/proc/no/such.log', '/proc/version', '/'], ids=ascii)
def test_a_log_that_can_not_be_written_ends_the_start(stack, programs, place):
    outcome = programs.server('-c', stack.config, '-p', programs.port(), '--logfile', place)
    assert f"The log file {place} can't be written: " in sentence(outcome)


FORWARDED = {'X-Forwarded-For': '203.0.113.9, 192.0.2.7', 'X-Forwarded-Proto': 'https',
             'X-Forwarded-Host': 'www.example.com'}


def test_with_proxy_mode_the_dispatcher_tells_who_the_browser_is(programs, visitor):
    """As on the host: where the dispatcher names the host, from the last dispatcher alone."""
    config = programs.config('proxied', proxy_mode='True')
    with programs.serving('-c', config, '-p', programs.port()) as serving:
        told = visitor.poll('/browser', url=serving.url, headers=FORWARDED).json()
        assert told == {'remote': '192.0.2.7', 'scheme': 'https', 'host': 'www.example.com',
                        'url': 'https://www.example.com/'}
        unnamed = {name: value for name, value in FORWARDED.items() if name != 'X-Forwarded-Host'}
        assert visitor.poll('/browser', url=serving.url, headers=unnamed).json()['remote'] == '127.0.0.1'


def test_without_proxy_mode_nobody_is_believed(programs, visitor):
    config = programs.config('unproxied', proxy_mode='False')
    with programs.serving('-c', config, '-p', programs.port()) as serving:
        told = visitor.poll('/browser', url=serving.url, headers=FORWARDED).json()
        assert (told['remote'], told['scheme']) == ('127.0.0.1', 'http')
