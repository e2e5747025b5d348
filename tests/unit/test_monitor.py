"""loop/monitor.py: a controller that blocks all polls is named in the log; one that waits is not.

Each runs in a process of its own, since a hub has one monitoring thread for its life.
"""

import subprocess
import sys

import pytest

from sandbox.paths import ROOT

PROGRAM = """
import logging, time
import gevent
from web_longpolling.sidecar.loop import monitor

logging.basicConfig(level=logging.WARNING, format='%(levelname)s %(message)s')

def the_controller(how):
    if how == 'blocks':
        time.sleep(4 * monitor.STEP)        # not patched here: nobody else runs meanwhile
    elif how == 'waits':
        gevent.sleep(4 * monitor.STEP)
    else:
        with monitor.expected():
            time.sleep(4 * monitor.STEP)

monitor.start()
gevent.sleep(0.1)
gevent.spawn(the_controller, sys_argument).join()
gevent.sleep(2 * monitor.STEP)
"""


@pytest.fixture(scope='module')
def logged() -> dict[str, str]:
    """What each of the three has logged; they run side by side."""
    children = {how: subprocess.Popen([sys.executable, '-c', f'sys_argument = {how!r}\n{PROGRAM}'], cwd=ROOT, text=True,
                                      stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
                for how in ('blocks', 'waits', 'may block')}
    found = {how: child.communicate(timeout=60)[1] for how, child in children.items()}
    assert [child.returncode for child in children.values()] == [0, 0, 0], found
    return found


def test_a_controller_that_blocks_is_named_once_with_its_stack(logged):
    assert logged['blocks'].count('WARNING') == 1
    assert 'blocked all others for' in logged['blocks'] and 'in the_controller' in logged['blocks']


@pytest.mark.parametrize('how', ['waits', 'may block'])
def test_one_that_waits_or_may_block_is_not(logged, how):
    assert logged[how] == ''
