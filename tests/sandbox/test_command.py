"""`python3 -m sandbox run -- CMD` on the real hosts: what CMD gets, how the run ends, and what is left: nothing."""

import os
import signal
import subprocess
import sys
import time

import pytest

from sandbox.paths import ROOT, RUNS
from sandbox.run import pidfile
from sandbox.run.rundir import RunFolder

VARIABLES = ('HOST', 'URL', 'HOST_URL', 'SIDECAR_URL', 'DB', 'DSN', 'CONFIG', 'PYTHON', 'SIDECAR_PID', 'SIDECAR_CMD',
             'LOG_DIR', 'LOGIN', 'PASSWORD')
UP_SECONDS = 90         # the first run with these modules installs them

MAKE_A_TABLE = """
import os, sys, psycopg2
connection = psycopg2.connect(os.environ['SANDBOX_DSN'])
connection.cursor().execute('CREATE TABLE mine (a int)')
connection.commit()
sys.stdout.write('made')
"""


class Run:
    """A run as a user starts it, with a shell line for its command."""

    def __init__(self, host, line, *options):
        self.child = subprocess.Popen(
            [sys.executable, '-m', 'sandbox', 'run', '--host', host, *options, '--', 'sh', '-c', line],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            # Unbuffered: what follows the first line must not wait in a buffer that communicate() passes over.
            bufsize=0,
            # A shell lets what it starts in the background ignore Ctrl-C, and so would all that these tests start.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))    # noqa: PLW1509

    def wait_up(self):
        """Wait for the first line of the command; returns what the run has started."""
        said = self.child.stdout.readline()
        assert said == b'up\n', self.child.communicate()
        [folder] = RUNS.glob(f'*-{self.child.pid}-*')
        self.folder = RunFolder(folder)
        # The command is written down after its start, when it may have printed already.
        deadline = time.monotonic() + 10
        while pidfile.COMMAND not in {entry.name for entry in self.folder.pidfile.processes()}:
            assert time.monotonic() < deadline, self.folder.pidfile.processes()
            time.sleep(0.01)
        return self.folder.pidfile.processes()

    def end(self):
        """(exit status, standard output, standard error)."""
        out, err = self.child.communicate(timeout=UP_SECONDS)
        return self.child.returncode, out.decode(), err.decode()


@pytest.fixture
def run(host):
    """Starts runs on the host of the test; ends those that it left."""
    started = []

    def start(line, *options):
        started.append(Run(host, line, *options))
        return started[-1]
    yield start
    for one in started:
        if one.child.poll() is None:
            one.child.terminate()
            one.child.communicate(timeout=60)


def assert_nothing_left(run, processes, seconds):
    deadline = time.monotonic() + seconds
    while any(pidfile.members(entry) for entry in processes) or run.folder.path.exists():
        assert time.monotonic() < deadline, [entry for entry in processes if pidfile.members(entry)]
        time.sleep(0.1)


def test_a_command_gets_its_variables_and_its_status_is_the_runs(run):
    one = run('echo up; env; sleep 1; exit 7')
    processes = one.wait_up()
    status, out, err = one.end()
    given = dict(line.split('=', 1) for line in out.splitlines() if line.startswith('SANDBOX_'))
    assert sorted(given) == sorted(f'SANDBOX_{name}' for name in VARIABLES)
    assert all(given.values())
    assert status == 7
    assert 'is up after' in err and 'logs of this run are kept' in err
    assert {'postgresql', 'host', 'sidecar', 'nginx', 'command'} <= {entry.name for entry in processes}
    assert_nothing_left(one, processes, 0)


def test_a_killed_run_leaves_no_server_longer_than_ten_seconds(run):
    one = run('echo up; sleep 300')
    processes = one.wait_up()
    one.child.kill()
    assert_nothing_left(one, processes, 10)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM], ids=['SIGINT', 'SIGTERM'])
def test_a_signal_takes_everything_down_without_a_traceback(run, number):
    one = run('echo up; exec sleep 300')
    processes = one.wait_up()
    one.child.send_signal(number)
    status, _, err = one.end()
    assert status == 128 + number
    assert 'Traceback' not in err
    assert_nothing_left(one, processes, 0)


def test_two_runs_at_the_same_time_do_not_disturb_each_other(run):
    line = f'echo up; echo "$SANDBOX_URL"; "$SANDBOX_PYTHON" -c "{MAKE_A_TABLE}"; sleep 3'
    runs = [run(line), run(line)]
    for one in runs:
        one.wait_up()
    (first, first_out, _), (second, second_out, _) = [one.end() for one in runs]
    assert (first, second) == (0, 0)
    assert first_out.endswith('made') and second_out.endswith('made')
    assert first_out != second_out


def test_a_sidecar_that_cannot_start_gives_one_sentence_and_its_log(run):
    status, out, err = run('echo never', '--option', 'longpolling_timeout=soon').end()
    assert (status, out) == (2, '')
    assert 'The server "sidecar" ended with status' in err
    assert 'longpolling_timeout' in err
    assert 'Traceback' not in err


def test_a_command_that_does_not_exist_ends_with_the_status_of_a_shell(host):
    done = subprocess.run([sys.executable, '-m', 'sandbox', 'run', '--host', host, '--', './no-such-command'],
                          cwd=ROOT, env={**os.environ}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=UP_SECONDS, check=False)
    assert done.returncode == 127
    assert '"./no-such-command" was not found' in done.stderr
