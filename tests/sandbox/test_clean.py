"""`python3 -m sandbox clean` in a checkout of its own: what dead runs left, what live ones have, what it removes."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.paths import ROOT
from sandbox.run.pidfile import read_stat

# A run as far as `clean` can see one: a folder, and a server that has written itself down. It says both process ids.
RUN = """
import subprocess, sys
from sandbox.run.rundir import RunFolder
folder = RunFolder.create()
server = subprocess.Popen(folder.pidfile.command('host', ['sleep', '60']), start_new_session=True)
while not folder.pidfile.processes():
    pass
print(server.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A checkout that nobody else uses."""
    shutil.copytree(ROOT / 'sandbox', tmp_path / 'sandbox', ignore=shutil.ignore_patterns('__pycache__'))
    return tmp_path


@pytest.fixture
def run(checkout):
    """A run in that checkout: its process, and the id of its server."""
    child = subprocess.Popen([sys.executable, '-c', RUN], cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    server = int(child.stdout.readline())
    yield child, server
    child.kill()
    child.wait()
    child.stdin.close()
    child.stdout.close()
    if read_stat(server):
        os.kill(server, signal.SIGKILL)


def clean(checkout):
    """(status, what it said)."""
    done = subprocess.run([sys.executable, '-m', 'sandbox', 'clean'], cwd=checkout, check=False, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    return done.returncode, done.stdout


def test_where_nothing_was_built_there_is_nothing_to_clean(checkout):
    status, said = clean(checkout)
    assert status == 0
    assert said.startswith('Nothing to clean: ')


def test_it_removes_all_that_the_sandbox_wrote_and_nothing_else(checkout):
    (checkout / '.sandbox' / 'hosts').mkdir(parents=True)
    (checkout / '.sandbox' / 'hosts' / 'file').write_text('downloaded')
    (checkout / 'mine').write_text('mine')
    status, said = clean(checkout)
    assert (status, said) == (0, f'Removed {checkout / ".sandbox"}; no process was left running.\n')
    assert sorted(path.name for path in checkout.iterdir() if path.name != '__pycache__') == ['mine', 'sandbox']


def test_it_says_and_ends_what_a_killed_run_left(checkout, run):
    child, server = run
    child.kill()        # there is no guard here, which would do the same at once
    child.wait()
    status, said = clean(checkout)
    assert status == 0
    assert f'left its host (process {server}): ending it.' in said
    assert said.endswith('; processes of dead runs that were ended: 1.\n')
    assert read_stat(server) is None
    assert not (checkout / '.sandbox').exists()


def test_a_run_that_is_up_is_left_alone(checkout, run):
    child, server = run
    status, said = clean(checkout)
    assert status == 2
    assert '1 run(s) are up: ' in said and f'(process {child.pid}); end them first' in said
    assert read_stat(server) is not None
    assert (checkout / '.sandbox' / 'runs').is_dir()


def test_a_build_that_is_at_work_is_left_alone(checkout):
    (checkout / '.sandbox').mkdir()
    with (checkout / '.sandbox' / 'build.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        status, said = clean(checkout)
    assert status == 2
    assert said == 'sandbox: Another process is building a host: wait for it or end it, then clean again.\n'
    assert (checkout / '.sandbox').is_dir()
