"""One builder at a time: two that download into the same folder would disturb each other."""
import fcntl
import os
from contextlib import contextmanager

from ..paths import SANDBOX
from ..progress import say


@contextmanager
def building():
    """Hold the lock of the builds; waits for another process that holds it, and says so.

    The kernel drops the lock when the last process that has it ends. The tools that a builder runs inherit
    it, so that after a killed builder the next one waits for them: they still write into the same folders.
    """
    SANDBOX.mkdir(exist_ok=True)
    with open(SANDBOX / 'build.lock', 'w') as file:
        os.set_inheritable(file.fileno(), True)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f'Another process is building in {SANDBOX}: waiting for it.')
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
