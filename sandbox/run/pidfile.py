"""The process ids that a run has started, written down so that nothing can be left behind.

Every server of a run is started through a small shell script, `start`, in the folder of the run. It
appends its own line of `/proc/PID/stat` to the file `processes` and then becomes the server. The line is there
before the server is, so there is no moment in which a killed run leaves a server that nobody knows.

A process id alone may be used again by the system. An entry therefore counts as alive only while a process
with this id *and* this start time exists (field 22 of `proc(5)`, clock ticks since boot).
"""

import os
import shlex
import signal
import time
from pathlib import Path
from typing import NamedTuple

COMMAND = 'command'     # the name of the user's own command in the pidfile

START_SCRIPT = """#!/bin/sh
# start NAME COMMAND [ARGS...]: writes down its own process id under NAME, then becomes COMMAND.
read -r stat < "/proc/$$/stat"
printf '%s %s\\n' "$1" "$stat" >> {processes}
shift
exec "$@"
"""


class Process(NamedTuple):
    """One started process: the name of the server, its id and its start time (clock ticks since boot)."""

    name: str
    pid: int
    started: int


class Stat(NamedTuple):
    """What this module needs of one `/proc/PID/stat`."""

    pid: int
    state: str
    parent: int
    session: int
    started: int


def parse_stat(line: str) -> Stat:
    """Split a line of `/proc/PID/stat`; the program's name in it may hold spaces and parentheses."""
    head, _, tail = line.rpartition(')')
    fields = tail.split()
    return Stat(int(head.split(' ', 1)[0]), fields[0], int(fields[1]), int(fields[3]), int(fields[19]))


def read_stat(pid: int) -> Stat | None:
    """The process with this id, or None if there is none (a zombie, which nobody can end, counts as none)."""
    try:
        stat = parse_stat(Path(f'/proc/{pid}/stat').read_text(errors='replace'))
    except (OSError, ValueError, IndexError):
        return None
    return None if stat.state in 'ZX' else stat


def identify(name: str, pid: int) -> Process | None:
    """The entry of a process that is alive now."""
    stat = read_stat(pid)
    return Process(name, pid, stat.started) if stat else None


def is_alive(process: Process) -> bool:
    stat = read_stat(process.pid)
    return stat is not None and stat.started == process.started


def _all() -> list[Stat]:
    every = (read_stat(int(name)) for name in os.listdir('/proc') if name.isdigit())
    return [stat for stat in every if stat]


def descendants(process: Process) -> list[Process]:
    """The children of the process, their children and so on, as far as they are alive."""
    if not is_alive(process):
        return []
    found, every, parents = [], _all(), {process.pid}
    while parents:
        children = [stat for stat in every if stat.parent in parents]
        found += [Process(process.name, stat.pid, stat.started) for stat in children]
        parents = {stat.pid for stat in children}
    return found


def members(process: Process) -> list[int]:
    """The ids of the process itself and of all that still live in its session.

    The kernel does not give an id away while it is the id of a session, so the children of a dead leader are found
    too. A leader with another start time means that the id was used again: nothing of that is ours.
    """
    leader = read_stat(process.pid)
    if leader is not None and leader.started != process.started:
        return []
    return [stat.pid for stat in _all() if process.pid in (stat.pid, stat.session)]


def send(process: Process, number: int) -> bool:
    """Send a signal to the process and its session; False if nothing of it is alive."""
    sent = False
    for pid in members(process):
        try:
            os.kill(pid, number)
            sent = True
        except ProcessLookupError:
            pass
    return sent


def wait_gone(processes: list[Process], seconds: float) -> list[Process]:
    """Wait until all have ended, for so many seconds at most; returns those that have not."""
    deadline = time.monotonic() + seconds
    while True:
        processes = [process for process in processes if members(process)]
        if not processes or time.monotonic() > deadline:
            return processes
        time.sleep(0.05)


def end_all(processes: list[Process]) -> list[Process]:
    """End what is alive of these within about 8 seconds, the database last; returns what had to be ended."""
    alive = [process for process in processes if members(process)]
    # The user's command runs in the session of the terminal, where its processes are found by their parents only.
    for process in [process for process in alive if process.name == COMMAND]:
        alive += descendants(process)
    databases = [process for process in alive if process.name == 'postgresql']
    others = [process for process in alive if process.name != 'postgresql']
    for process in others:
        send(process, signal.SIGTERM)
    for process in wait_gone(others, 2):
        send(process, signal.SIGKILL)
    # SIGQUIT to the postmaster alone: it ends its backends, which live in sessions of their own.
    for process in databases:
        if is_alive(process):
            os.kill(process.pid, signal.SIGQUIT)
    for process in wait_gone(databases, 5.5):
        send(process, signal.SIGKILL)
    return alive


class Pidfile:
    """The file `processes` of a run and the script `start` that writes it."""

    def __init__(self, folder: Path):
        self.path = folder / 'processes'
        self.script = folder / 'start'

    def create(self):
        self.path.touch()
        self.path.chmod(0o644)
        self.script.write_text(START_SCRIPT.format(processes=shlex.quote(str(self.path))))
        self.script.chmod(0o755)

    def command(self, name: str, command: list[str]) -> list[str]:
        """The command that writes itself down under this name and then becomes the given command."""
        return [str(self.script), name, *command]

    def record(self, name: str, pid: int):
        """Write down a process that was not started through the script."""
        with self.path.open('a') as file:
            file.write(f'{name} {Path(f"/proc/{pid}/stat").read_text().strip()}\n')

    def processes(self) -> list[Process]:
        """All that was ever written down, alive or not, in the order of their start."""
        found = []
        try:
            lines = self.path.read_text(errors='replace').splitlines()
        except FileNotFoundError:
            return []
        for line in lines:
            name, _, stat_line = line.partition(' ')
            try:
                stat = parse_stat(stat_line)
            except (ValueError, IndexError):
                continue            # a torn last line: the process never became a server
            found.append(Process(name, stat.pid, stat.started))
        return found
