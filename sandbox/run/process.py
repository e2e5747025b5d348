"""One server of a run: started with the run's rights and environment, watched, and ended.

    Server.start()      the script `start` (pidfile) → setpriv (privilege, when root) → the server
    Server.wait_ready() until it answers; if it ends before, the error has the end of its log
    Server.stop()       the asked-for signal, then patience, then SIGKILL to its whole session

A server runs in a session of its own: Ctrl-C at the terminal reaches the run alone, which ends its servers in
order.
"""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from ..errors import SandboxError
from . import privilege
from .pidfile import identify, send, wait_gone
from .ports import is_open
from .rundir import RunFolder

SHOWN_LINES = 15
BUSY = ('address already in use', 'address in use', 'is in use by another program')


class PortTaken(Exception):
    """The port of a server was taken between its choice and the server's bind."""


def base_environment(folder: RunFolder) -> dict[str, str]:
    """What every server gets: nothing of the caller's PYTHONPATH, PGHOST or proxies reaches it."""
    _, _, user = privilege.unprivileged()
    return {
        'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        'LANG': 'C.UTF-8',
        'LC_ALL': 'C.UTF-8',
        'TZ': 'UTC',
        'HOME': str(folder.home),
        'TMPDIR': str(folder.tmp),
        # OpenERP 7.0 names the folder of its sessions after this user.
        'USER': user,
        'LOGNAME': user,
        'PYTHONUNBUFFERED': '1',
        'PYTHONDONTWRITEBYTECODE': '1',
    }


class Server:
    """A server process of a run.

    `name` names it in messages, in the pidfile and its log file `NAME.log`. `port` is where it will listen, and `ready`
    is called until it is true.
    """

    def __init__(self, folder: RunFolder, name: str, command: Sequence[str | Path], *, port: int | None = None,
                 environment=None, ready=None, stop_signal=signal.SIGTERM, stop_seconds=5.0):
        self.folder = folder
        self.name = name
        self.command = [str(word) for word in command]
        self.environment = {**base_environment(folder), **(environment or {})}
        self.port = port
        self.ready = ready
        self.stop_signal = stop_signal
        self.stop_seconds = stop_seconds
        self.log = folder.log / f'{name}.log'
        self.child: subprocess.Popen | None = None
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        return self.child.pid if self.child else None

    def start(self):
        """Start it; raises PortTaken if another program already listens on its port."""
        if self.port and is_open(self.port):
            # Otherwise that program's answer would be taken for this server's.
            raise PortTaken(self.name)
        with self.log.open('ab') as log:
            self._log_start = log.tell()
            self.child = subprocess.Popen(
                self.folder.pidfile.command(self.name, privilege.drop(self.command)),
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                cwd=self.folder.path, env=self.environment, start_new_session=True)

    def wait_ready(self, seconds: float):
        """Wait until the server answers; raises PortTaken, or SandboxError with the end of its log."""
        assert self.child
        deadline = time.monotonic() + seconds
        while not self.ready():
            if self.child.poll() is not None:
                self._give_up(f'ended with status {self.child.returncode} instead of starting')
            if self._found_port_taken():
                self.stop()
                raise PortTaken(self.name)
            if time.monotonic() > deadline:
                self._give_up(f'did not answer within {seconds:.0f} s')
            time.sleep(0.05)
        # Somebody else may answer on a port that was taken between the look and the server's bind.
        if self._found_port_taken():
            self.stop()
            raise PortTaken(self.name)

    def _found_port_taken(self) -> bool:
        text = self.log_text().lower()
        return any(phrase in text for phrase in BUSY)

    def _give_up(self, what: str):
        taken = self._found_port_taken()
        self.stop()
        if taken:
            raise PortTaken(self.name)
        raise SandboxError(f'The server "{self.name}" {what}; the end of its log says why.\n{self.shown_log()}')

    def shown_log(self) -> str:
        """The last lines of the log, indented, under its path (which moves when the run ends)."""
        lines = self.log_text().splitlines()[-SHOWN_LINES:] or ['(the log is empty)']
        return '\n'.join([f'  {self.log.name}:', *(f'  | {line}' for line in lines)])

    def log_text(self) -> str:
        """What this start of the server has logged so far."""
        try:
            with self.log.open('rb') as log:
                log.seek(self._log_start)
                return log.read().decode(errors='replace')
        except FileNotFoundError:
            return ''

    def is_running(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def ended_by_itself(self) -> int | None:
        """The exit status of a server that was not stopped and yet is gone, otherwise None."""
        return None if self.child is None else self.child.poll()

    def stop(self, number: int | None = None) -> int | None:
        """End the server and all it started; returns its exit status, None if it was not started.

        `number` is the signal in place of the usual one. After `stop_seconds` SIGKILL follows.
        """
        child, self.child = self.child, None
        if child is None:
            return None
        process = identify(self.name, child.pid) if child.poll() is None else None
        if process:
            os.kill(child.pid, number or self.stop_signal)
            try:
                child.wait(self.stop_seconds)
            except subprocess.TimeoutExpired:
                send(process, signal.SIGKILL)
                child.wait()
            # What the server started and did not end itself.
            if wait_gone([process], 0.5):
                send(process, signal.SIGKILL)
        return child.returncode


def run_once(folder: RunFolder, command: Sequence[str | Path], log: Path, *, name: str, environment=None, seconds=600.0,
             text: str | None = None):
    """Run a program with the rights of the servers until it ends; SandboxError with the end of its log."""
    server = Server(folder, name, command, environment=environment)
    with log.open('ab') as file:
        start = file.tell()
        child = subprocess.Popen(
            folder.pidfile.command(name, privilege.drop(server.command)),
            stdin=subprocess.DEVNULL if text is None else subprocess.PIPE, stdout=file, stderr=subprocess.STDOUT,
            cwd=folder.path, env=server.environment, start_new_session=True)
    process = identify(name, child.pid)
    problem = None
    try:
        child.communicate(None if text is None else text.encode(), timeout=seconds)
    except subprocess.TimeoutExpired:
        problem = f'did not end within {seconds:.0f} s'
    else:
        if child.returncode:
            problem = f'ended with status {child.returncode}'
    finally:
        if child.poll() is None and process:
            send(process, signal.SIGKILL)
            child.wait()
    if problem:
        lines = log.read_bytes()[start:].decode(errors='replace').splitlines()[-SHOWN_LINES:]
        shown = '\n'.join(f'  | {line}' for line in lines)
        raise SandboxError(f'"{name}" {problem}; the end of its log says why.\n  {log.name}:\n{shown}')
