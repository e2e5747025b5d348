"""loop/signals.py: what signals do, beside those that stop the sidecar."""

import logging
import logging.handlers
import signal
import subprocess
import sys
import threading

import gevent
import gevent.event
import pytest

from sandbox.paths import ROOT
from web_longpolling.sidecar.loop import signals

# Sends itself each signal that is named in its arguments, and says what it lived to see.
PROGRAM = """
import logging, os, signal, sys
import gevent
from web_longpolling.sidecar.loop import signals

logging.basicConfig(level=logging.INFO, format='%(message)s', stream=sys.stdout)

def waits_for_ever():
    gevent.sleep(60)

held = [gevent.spawn(waits_for_ever) for _ in range(20)]
gevent.sleep(0)
signals.install()
for name in sys.argv[1:]:
    os.kill(os.getpid(), getattr(signal, name))
    gevent.sleep(0.05)
    print(name, 'left', sum(not each.dead for each in held), 'of 20', flush=True)
"""


def run(*names: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, '-c', PROGRAM, *names], cwd=ROOT, check=False, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=60)


@pytest.fixture(scope='module')
def outcome():
    """Of a process that got all four of them, one after the other."""
    return run('SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2')


@pytest.mark.parametrize('name', ['SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'])
def test_a_signal_that_is_no_stop_ends_neither_the_process_nor_a_held_poll(outcome, name):
    assert f'{name} left 20 of 20' in outcome.stdout.splitlines(), outcome


def test_after_all_of_them_it_ends_by_itself_and_nothing_went_wrong(outcome):
    assert outcome.returncode == 0, outcome
    assert outcome.stderr == ''


def test_the_log_says_what_was_asked_for(outcome):
    assert outcome.stdout.count('SIGHUP: the log files were opened again') == 1
    assert outcome.stdout.count('SIGQUIT: ') == 1
    assert '20 here:\n' in outcome.stdout and outcome.stdout.count('in waits_for_ever') == 1


def test_those_that_stop_it_still_do():
    assert run('SIGTERM').returncode == -signal.SIGTERM


# The log files

@pytest.fixture
def attach():
    """Adds a handler to the logger of this name."""
    attached = []

    def add(handler, name='signals'):
        handler.setFormatter(logging.Formatter('%(message)s'))
        logging.getLogger(name).addHandler(handler)
        attached.append((handler, logging.getLogger(name)))
        return handler
    yield add
    for handler, logger in attached:
        logger.removeHandler(handler)
        handler.close()


def rotate(place):
    """As logrotate does: the file gets another name, and the process is told."""
    old = place.with_suffix('.log.1')
    place.rename(old)
    signals.reopen_logs()
    return old


@pytest.mark.parametrize('kind', [logging.FileHandler, logging.handlers.WatchedFileHandler,
                                  logging.handlers.TimedRotatingFileHandler])
@pytest.mark.parametrize('name', [None, 'signals', 'signals.inner'])
def test_what_is_logged_after_a_rotation_goes_to_a_new_file(tmp_path, attach, kind, name):
    place = tmp_path / 'sidecar.log'
    attach(kind(place), name)
    logging.getLogger('signals.inner').warning('before')
    old = rotate(place)
    logging.getLogger('signals.inner').warning('after')
    assert old.read_text().splitlines() == ['before']
    assert place.read_text().splitlines()[-1] == 'after'
    assert 'before' not in place.read_text()


def test_the_old_file_is_closed(tmp_path, attach):
    """Its blocks would stay on the disk after logrotate has removed it."""
    handler = attach(logging.FileHandler(tmp_path / 'sidecar.log'))
    stream = handler.stream
    rotate(tmp_path / 'sidecar.log')
    assert stream.closed and not handler.stream.closed


def test_what_is_in_a_file_that_nobody_has_moved_stays(tmp_path, attach):
    place = tmp_path / 'sidecar.log'
    attach(logging.FileHandler(place))
    logging.getLogger('signals').warning('before')
    signals.reopen_logs()
    logging.getLogger('signals').warning('after')
    assert place.read_text().splitlines() == ['before', 'after']


def test_a_handler_that_watches_its_file_knows_the_new_one(tmp_path, attach):
    """It would open it once more with the next line."""
    handler = attach(logging.handlers.WatchedFileHandler(tmp_path / 'sidecar.log'))
    rotate(tmp_path / 'sidecar.log')
    opened = handler.stream
    logging.getLogger('signals').warning('after')
    assert handler.stream is opened


def test_a_handler_of_several_loggers_is_opened_once(tmp_path, attach, monkeypatch):
    handler = attach(attach(logging.FileHandler(tmp_path / 'sidecar.log')), 'signals.inner')
    opened = []
    monkeypatch.setattr(handler, '_open', lambda opener=handler._open: opened.append(1) or opener())
    signals.reopen_logs()
    assert opened == [1]


def test_a_file_that_nothing_was_written_to_is_opened_too(tmp_path, attach):
    handler = attach(logging.FileHandler(tmp_path / 'sidecar.log', delay=True))
    signals.reopen_logs()
    assert handler.stream is not None


def test_where_a_file_can_not_be_opened_the_old_one_is_written_on_and_the_others_are_opened(tmp_path, attach, capsys):
    (tmp_path / 'gone').mkdir()
    gone, other = tmp_path / 'gone' / 'sidecar.log', tmp_path / 'other.log'
    attach(logging.FileHandler(gone))
    stream = attach(logging.FileHandler(other)).stream
    (tmp_path / 'gone').rename(tmp_path / 'moved')
    signals.reopen_logs()
    logging.getLogger('signals').warning('after')
    assert (tmp_path / 'moved' / 'sidecar.log').read_text().splitlines()[-1] == 'after'
    assert stream.closed
    assert capsys.readouterr().err == f"The log file {gone} can't be opened again: No such file or directory\n"


def test_a_thread_may_be_logging_meanwhile(tmp_path, attach):
    """The handler's lock is held while its file is exchanged, and given back."""
    handler = attach(logging.FileHandler(tmp_path / 'sidecar.log'))
    held = []
    opener = handler._open

    def watched():
        other = threading.Thread(target=lambda: held.append(not handler.lock.acquire(blocking=False)))
        other.start()
        other.join(10)
        return opener()
    handler._open = watched
    signals.reopen_logs()
    assert held == [True]
    handler._open = opener
    other = threading.Thread(target=logging.getLogger('signals').warning, args=('after',), daemon=True)
    other.start()
    other.join(10)
    assert not other.is_alive()


# The stacks

@pytest.fixture
def stacks(caplog):
    """Gives what is logged of all greenlets and threads."""
    def told():
        caplog.clear()
        signals.log_stacks()
        record, = caplog.records
        return record.getMessage()
    caplog.set_level(logging.INFO, signals.__name__)
    return told


def waits_here(release):
    release.wait()


def waits_there(release):
    release.wait()


@pytest.fixture
def waiting():
    """Starts greenlets that wait in a function."""
    release, started = gevent.event.Event(), []

    def start(function, number):
        started.extend(gevent.spawn(function, release) for _ in range(number))
        gevent.sleep(0)
        return started
    yield start
    release.set()
    gevent.joinall(started, timeout=10)


def test_each_place_is_told_once_with_the_number_of_those_that_are_there(stacks, waiting):
    waiting(waits_here, 7)
    waiting(waits_there, 5)
    told = stacks()
    assert told.count('in waits_here') == told.count('in waits_there') == 1
    assert told.index('7 here:') < told.index('in waits_here') < told.index('5 here:') < told.index('in waits_there')


def test_who_asks_is_there_too_and_who_has_not_begun_or_has_ended_is_not(stacks, waiting):
    for greenlet in waiting(waits_here, 1):
        greenlet.kill()
    later = gevent.spawn(waits_there, gevent.event.Event())
    told = stacks()
    later.kill()
    assert 'in log_stacks' in told
    assert 'waits_here' not in told and 'waits_there' not in told


def test_threads_are_told_as_well(stacks):
    over = threading.Event()
    thread = threading.Thread(target=waits_here, args=(over,))
    thread.start()
    try:
        assert 'in waits_here' in stacks()
    finally:
        over.set()
        thread.join(10)


def test_some_places_are_told_and_no_more_those_of_most_first(stacks, waiting, monkeypatch):
    monkeypatch.setattr(signals, 'MOST_STACKS', 1)
    waiting(waits_there, 2)
    waiting(waits_here, 40)     # more than what other tests have left in one place
    told = stacks()
    assert 'in waits_here' in told and 'in waits_there' not in told
    places = int(told.split(' stacks, at ')[1].split()[0])
    assert places >= 3, 'with the place of who asks'
