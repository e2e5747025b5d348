"""The guard of a run: a small process that takes the run's servers down if the run itself was killed.

    run ── writes nothing into ──> pipe ── read by ──> guard

The run holds the only writing end, so the kernel closes it however the run ends, `kill -9` included. At that end
of file the guard ends what the run's pidfile names and is still alive (by id and start time), keeps the logs and
removes the folder. After an ordinary end nothing of that is left to do. It needs at most 10 seconds.
"""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from ..paths import ROOT
from .pidfile import Process, end_all
from .rundir import RunFolder


class Guard:
    """Starts the guard of a run; `close()` lets it go when the run has cleaned up itself."""

    def __init__(self, folder: RunFolder):
        reader, self._writer = os.pipe()
        try:
            self._child = subprocess.Popen(
                [sys.executable, '-m', 'sandbox.run.guard', str(folder.path)],
                stdin=reader, stdout=subprocess.DEVNULL, cwd=ROOT, start_new_session=True)
        finally:
            os.close(reader)

    def close(self):
        os.close(self._writer)
        try:
            self._child.wait(15)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


def take_over(folder: RunFolder) -> tuple[int, Path | None]:
    """End what a dead run left and remove its folder; returns how many were ended and where the logs are."""
    ended: set[Process] = set()
    # Twice: a server that was about to start when the run died has written itself down by now.
    for pause in (0.3, 0):
        ended.update(end_all(folder.pidfile.processes()) if folder.is_of_this_boot() else ())
        time.sleep(pause)
    logs = folder.keep_logs() if ended else None
    folder.remove()
    return len(ended), logs


def main(path: str):
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    folder = RunFolder(Path(path))
    stdin = sys.stdin.fileno()
    # The pipe may outlive the run in a child that forked without exec: hence the look at the run itself.
    while not select.select([stdin], [], [], 1)[0] and folder.is_live():
        pass
    if not folder.path.exists():
        return
    count, logs = take_over(folder)
    if count:
        kept = f' Its logs are in {logs}.' if logs else ''
        print(f'sandbox: the run {folder.name} was killed; its guard has ended the {count} processes that it left.'
              f'{kept}', file=sys.stderr)


if __name__ == '__main__':
    main(sys.argv[1])
