"""The sidecars of a stack."""

import signal
from collections.abc import Callable, Iterable

from ..run.ports import is_open
from ..run.process import Server
from ..run.rundir import RunFolder

# Seconds that a sidecar may take to listen, on a busy machine with two slow cores.
START_SECONDS = 120
# Its own grace for held polls is 10 s (`--grace`).
STOP_SECONDS = 15


class Sidecar:
    """One sidecar of a stack, on a port of its own.

    `command` is called with the port and with further arguments, and gives the words that start the sidecar;
    `environment` is what these need beside the environment of every server.
    """

    def __init__(self, folder: RunFolder, name: str, port: int, command: Callable[[int, Iterable[str]], list[str]],
                 environment: dict[str, str]):
        self.folder = folder
        self.name = name
        self.port = port
        self.command = command
        self.environment = environment
        self.server: Server | None = None

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self.port}'

    @property
    def pid(self) -> int | None:
        """The id of its process, None if it was not started or was stopped."""
        return self.server.pid if self.server else None

    @property
    def exit_status(self) -> int | None:
        """The status with which it ended by itself, None while it runs."""
        return self.server.ended_by_itself() if self.server else None

    def start(self, extra_args: Iterable[str] = ()):
        """Start it and wait until it listens; raises SandboxError, or PortTaken."""
        self.launch(extra_args)
        self.wait_ready()

    def launch(self, extra_args: Iterable[str] = ()):
        self.server = Server(self.folder, self.name, self.command(self.port, extra_args),
                             environment=self.environment, port=self.port, ready=lambda: is_open(self.port),
                             stop_seconds=STOP_SECONDS)
        self.server.start()

    def wait_ready(self):
        assert self.server, 'it was not started'
        self.server.wait_ready(START_SECONDS)

    def stop(self, signal: int = signal.SIGTERM) -> int | None:
        """End it with this signal and wait; returns its exit status (negative: ended by a signal)."""
        return self.server.stop(signal) if self.server else None
