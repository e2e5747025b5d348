"""`clean`: end what dead runs left, say what it was, and remove `.sandbox/`."""

import fcntl
import shutil

from ..errors import SandboxError
from ..paths import SANDBOX
from ..progress import say
from ..run.guard import take_over
from ..run.pidfile import members
from ..run.rundir import RunFolder, run_folders


def end_left_over() -> int:
    """End the processes of runs that are dead; returns how many there were. Runs that live are left alone."""
    count = 0
    for folder in run_folders():
        if folder.is_live():
            continue
        for process in left_over(folder):
            say(f'The dead run {folder.name} left its {process.name} (process {process.pid}): ending it.')
        ended, _ = take_over(folder)
        count += ended
    return count


def left_over(folder: RunFolder):
    """What the pidfile of a dead run names and is alive."""
    if not folder.is_of_this_boot():
        return []
    return [process for process in folder.pidfile.processes() if members(process)]


def clean():
    """Remove everything that the sandbox ever wrote; SandboxError if it is in use."""
    if not SANDBOX.exists():
        say(f'Nothing to clean: {SANDBOX} does not exist.')
        return
    live = [folder for folder in run_folders() if folder.is_live()]
    if live:
        owners = [(folder.name, folder.owner()) for folder in live]
        runs = ', '.join(f'{name} (process {owner.pid})' if owner else name for name, owner in owners)
        raise SandboxError(f'{len(live)} run(s) are up: {runs}; end them first (Ctrl-C in their terminal, or '
                           '"kill PROCESS"), then clean again.')
    with (SANDBOX / 'build.lock').open('w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SandboxError('Another process is building a host: wait for it or end it, then clean '
                               'again.') from None
        ended = end_left_over()
        shutil.rmtree(SANDBOX)
    left = f'processes of dead runs that were ended: {ended}' if ended else 'no process was left running'
    say(f'Removed {SANDBOX}; {left}.')
