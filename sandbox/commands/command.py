"""A user's command inside a running stack, and how it and the run end together.

    Ctrl-C at the terminal      reaches the command by itself; the run waits for it, then takes all down
    kill -INT of the run        is passed on to the command
    kill -TERM, a closed line   end the command; after 10 s with SIGKILL
    kill -9 of the run          the guard ends the command and the servers
"""

import os
import signal
import subprocess
import time

from ..errors import SandboxError
from ..run.pidfile import COMMAND
from ..stack import Stack

# Signals about which the run decides itself while the command lives.
DECIDED = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
TERMINATE_SECONDS = 10


class CommandNotFound(SandboxError):
    """The command of `run` could not be started; `status` is what a shell would exit with."""

    def __init__(self, sentence: str, status: int):
        super().__init__(sentence)
        self.status = status


def execute(words: list[str], stack: Stack) -> int:
    """Run the command with the stack's variables; returns its exit status as a shell reports it (128 + signal)."""
    # Before the start: a signal between it and the bookkeeping would leave the command to itself.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*DECIDED, signal.SIGCHLD})
    try:
        child = _start(words, stack, before)
        stack.folder.pidfile.record(COMMAND, child.pid)
        _wait(child)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return 128 - child.returncode if child.returncode < 0 else child.returncode


def _start(words: list[str], stack: Stack, mask) -> subprocess.Popen:
    """The command with the stack's variables, and with the caller's mask of signals."""
    try:
        # The run has one thread, so that the child may run this line before it becomes the command.
        return subprocess.Popen(words, env={**os.environ, **stack.environment()},
                                preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, mask))     # noqa: PLW1509
    except FileNotFoundError:
        raise CommandNotFound(f'The command "{words[0]}" was not found: give its path, or a program on PATH.',
                              127) from None
    except OSError as error:
        raise CommandNotFound(f'The command "{words[0]}" could not be started: {error.strerror}.', 126) from None


def _wait(child: subprocess.Popen):
    deadline = None
    while child.poll() is None:
        if deadline and time.monotonic() > deadline:
            child.kill()
        # With a time limit, since the child may have ended before SIGCHLD was blocked.
        received = signal.sigtimedwait({*DECIDED, signal.SIGCHLD}, 0.2)
        if received is None or received.si_signo == signal.SIGCHLD:
            continue
        if received.si_signo == signal.SIGINT:
            # Sent by the kernel (no sender): the terminal has sent it to the command as well.
            if received.si_pid:
                child.send_signal(signal.SIGINT)
            continue
        child.terminate()
        deadline = deadline or time.monotonic() + TERMINATE_SECONDS
