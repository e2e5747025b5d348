"""The sidecars of a stack."""

import signal

from .ports import is_open
from .process import Server

# Seconds that a sidecar may take to listen, on a busy machine with two slow cores.
START_SECONDS = 120
# Its own grace for held polls is 10 s (`--grace`).
STOP_SECONDS = 15


class Sidecar:
    """One sidecar of a stack, on a port of its own."""

    def __init__(self, stack: object, name: str, port: int):
        self.stack = stack
        self.name = name
        self.port = port
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

    def start(self, extra_args=()):
        """Start it and wait until it listens; raises SandboxError, or PortTaken."""
        self.launch(extra_args)
        self.wait_ready()

    def launch(self, extra_args=()):
        stack = self.stack
        self.server = Server(stack.folder, self.name, stack._sidecar_words(self.port, extra_args),
                             environment=stack.installation.environment, port=self.port,
                             ready=lambda: is_open(self.port), stop_seconds=STOP_SECONDS)
        self.server.start()

    def wait_ready(self):
        self.server.wait_ready(START_SECONDS)

    def stop(self, signal: int = signal.SIGTERM) -> int | None:
        """End it with this signal and wait; returns its exit status (negative: ended by a signal)."""
        return self.server.stop(signal) if self.server else None
