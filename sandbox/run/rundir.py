"""The folder of one run, `.sandbox/runs/ID/`: what is in it, whose it is, and how it goes away.

    owner         the process of the run: id, start time and the boot it belongs to
    processes     what it started (see `pidfile`), written by the script `start`
    ports         the loopback ports it took (see `ports`)
    log/          host.log, sidecar.log, nginx.log, postgresql.log
    tmp/ home/    TMPDIR and HOME of its servers: OpenERP 7.0 keeps its sessions in TMPDIR
    postgresql/ data/ nginx/ …   of the servers

Nothing in it outlives the run but the logs of one that failed, which move to `.sandbox/logs/runs/ID/`.
"""

import os
import secrets
import shutil
import time
from pathlib import Path

from ..paths import LOGS, RUNS
from . import privilege
from .pidfile import Pidfile, Process, is_alive, read_stat

RUN_LOGS = LOGS / 'runs'
KEPT_LOGS = 10          # folders of logs of failed runs


def boot() -> str:
    """The id of this start of the machine: process ids of an earlier one mean nothing."""
    return Path('/proc/sys/kernel/random/boot_id').read_text().strip()


class RunFolder:
    """The folder of one run, of this process or of another one."""

    def __init__(self, path: Path):
        self.path = path
        self.name = path.name
        self.log = path / 'log'
        self.tmp = path / 'tmp'
        self.home = path / 'home'
        self.pidfile = Pidfile(path)

    @classmethod
    def create(cls) -> 'RunFolder':
        RUNS.mkdir(parents=True, exist_ok=True)
        folder = cls(RUNS / f'{time.strftime("%m%d-%H%M%S")}-{os.getpid()}-{secrets.token_hex(2)}')
        folder.path.mkdir(mode=0o755)
        # The owner first: a folder without one is taken for the remains of a dead run.
        me = read_stat(os.getpid())
        assert me is not None
        (folder.path / 'owner').write_text(f'{me.pid} {me.started} {boot()}\n')
        folder.pidfile.create()
        for place in (folder.log, folder.tmp, folder.home):
            place.mkdir(mode=0o755)
        folder.tmp.chmod(0o700)
        privilege.give(folder.tmp)
        privilege.give(folder.home)
        return folder

    def owner(self) -> Process | None:
        """The process of the run, or None if the folder does not say (half made or half removed)."""
        try:
            pid, started, _ = (self.path / 'owner').read_text().split()
            return Process('run', int(pid), int(started))
        except (OSError, ValueError):
            return None

    def is_of_this_boot(self) -> bool:
        try:
            return (self.path / 'owner').read_text().split()[2] == boot()
        except (OSError, IndexError):
            return False

    def is_live(self) -> bool:
        """Whether the run itself is still there to take its servers down."""
        owner = self.owner()
        if owner is None:
            # Between mkdir and the owner file, for a moment.
            try:
                return time.time() - self.path.stat().st_mtime < 2
            except OSError:
                return False
        return self.is_of_this_boot() and is_alive(owner)

    def keep_logs(self) -> Path | None:
        """Move the logs to where they outlive the run; returns the new place, None if there are none."""
        if not self.log.is_dir() or not any(self.log.iterdir()):
            return None
        RUN_LOGS.mkdir(parents=True, exist_ok=True)
        place = RUN_LOGS / self.name
        os.replace(self.log, place)
        for old in sorted(RUN_LOGS.iterdir(), key=lambda path: path.name)[:-KEPT_LOGS]:
            shutil.rmtree(old, ignore_errors=True)
        return place

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)
        if self.path.exists():      # a server was still writing while the tree was walked
            time.sleep(0.2)
            shutil.rmtree(self.path, ignore_errors=True)


def run_folders() -> list[RunFolder]:
    """The folders of all runs, oldest first."""
    if not RUNS.is_dir():
        return []
    return [RunFolder(path) for path in sorted(RUNS.iterdir()) if path.is_dir()]
