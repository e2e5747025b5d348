"""wire/fd_limit.py: how many browsers fit into the file descriptors, with limits that the kernel really has set."""

import resource
import subprocess
import sys

import pytest

from sandbox.paths import ROOT
from web_longpolling.sidecar.wire import fd_limit

PROGRAM = """
import resource, sys
from web_longpolling.errors import ConfigurationError
from web_longpolling.sidecar.wire import fd_limit
try:
    print(fd_limit.connections(int(sys.argv[1])), *resource.getrlimit(resource.RLIMIT_NOFILE))
except ConfigurationError as error:
    print(error)
"""


def connections(soft: int, hard: int, to_databases: int) -> str:
    """What a process with these limits finds: the connections and the limits it then has, or the error."""
    return subprocess.run([sys.executable, '-c', PROGRAM, str(to_databases)], cwd=ROOT, check=True, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=60, preexec_fn=lambda: (
                              resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)))).stdout.strip()  # noqa: PLW1509


@pytest.mark.parametrize('soft, hard', [(200, 1024), (1024, 1024)])
def test_the_limit_is_raised_to_what_is_allowed_and_the_rest_is_for_browsers(soft, hard):
    assert connections(soft, hard, 9) == f'{hard - fd_limit.RESERVE - 9} {hard} {hard}'


def test_the_fewest_that_are_enough():
    hard = fd_limit.FEWEST + fd_limit.RESERVE + 9
    assert connections(hard, hard, 9).split()[0] == str(fd_limit.FEWEST)
    assert 'leaves 99 connections' in connections(hard, hard, 10)


def test_too_few_is_an_error_that_names_the_remedies():
    sentence = connections(100, 100, 90)
    assert sentence.startswith('This process may open 100 files only, which leaves 0 connections')
    assert 'LimitNOFILE=' in sentence and '--max-cursor' in sentence
