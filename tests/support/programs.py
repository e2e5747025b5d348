"""The addon's programs, run with the rights and the environment of a stack's own servers."""

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from sandbox.paths import ROOT
from sandbox.run import privilege
from sandbox.run.ports import take_port
from sandbox.run.process import base_environment

ADDON = ROOT / 'web_longpolling'
OE = ADDON / 'oe.py'
# Seconds in which a sidecar says that it serves, on a busy machine with two slow cores.
START_SECONDS = 90


class Outcome(NamedTuple):
    """How a program ended and what it printed."""

    status: int
    out: str
    err: str


class Programs:
    """Runs programs beside a stack, on its database and session store.

    `python` is another one than the stack's; `environment` are variables of all programs.
    """

    def __init__(self, stack, python: Path | None = None, **environment: str):
        self.stack = stack
        self.python = python or stack.python
        self.environment = environment

    def config(self, name: str, **options) -> Path:
        """A copy of the stack's configuration file with other options; an option that is None is left out."""
        lines = [line for line in self.stack.config.read_text().splitlines()
                 if line.partition(' = ')[0] not in options]
        lines += [f'{key} = {value}' for key, value in options.items() if value is not None]
        path = self.stack.folder.path / f'{name}.conf'
        path.write_text('\n'.join(lines) + '\n')
        path.chmod(0o600)
        privilege.give(path)
        return path

    def port(self) -> int:
        """A free port of 127.0.0.1, kept for this run."""
        return take_port(self.stack.folder)

    def run(self, *words, seconds: float = 120, **environment) -> Outcome:
        """Run the host's Python with these arguments until it ends."""
        child = self._start(words, environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, errors='replace')
        try:
            out, err = child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            out, err = child.communicate()
            raise AssertionError(f'{words} did not end within {seconds} s:\n{out}\n{err}') from None
        return Outcome(child.returncode, out, err)

    def server(self, *arguments, **more) -> Outcome:
        """Run `python web_longpolling/server.py` until it ends, as it does after a mistake."""
        return self.run(ADDON / 'server.py', *arguments, **more)

    def oe(self, *arguments, **more) -> Outcome:
        """Run `oe`."""
        return self.run(OE, *arguments, **more)

    @contextlib.contextmanager
    def starting(self, *arguments, script=ADDON / 'server.py', cwd=None, **environment):
        """A sidecar (or another script) that is started and ended with the block; yields a Serving."""
        with tempfile.TemporaryFile() as log:
            child = self._start((script, *arguments), environment, cwd, stdout=log, stderr=log)
            try:
                yield Serving(child, log)
            finally:
                if child.poll() is None:
                    child.kill()
                    child.wait()

    @contextlib.contextmanager
    def serving(self, *arguments, **more):
        """A sidecar that serves for the length of the block; yields a Serving."""
        with self.starting(*arguments, **more) as serving:
            yield serving.wait_ready()

    def _start(self, words, environment, cwd=None, **files):
        stack = self.stack
        return subprocess.Popen(
            stack.folder.pidfile.command('program', privilege.drop([str(word) for word in (self.python, *words)])),
            stdin=subprocess.DEVNULL, cwd=cwd or stack.folder.path, start_new_session=True,
            env={**base_environment(stack.folder), **stack.installation.environment, **self.environment,
                 **environment}, **files)


class Serving:
    """A sidecar of a test's own."""

    STARTED = re.compile(r"Start long polling server '([^']*)':(\d+)")

    def __init__(self, child, log):
        self.child = child
        self._log = log
        self.address = ('', 0)  # (interface, port) as its log says

    @property
    def url(self) -> str:
        return 'http://{}:{}'.format(*self.address)

    @property
    def log(self) -> str:
        """What it has said so far."""
        return os.pread(self._log.fileno(), os.fstat(self._log.fileno()).st_size, 0).decode(errors='replace')

    def wait_ready(self) -> 'Serving':
        """Wait until its log says that it serves; returns itself."""
        deadline = time.monotonic() + START_SECONDS
        while not (found := self.STARTED.search(self.log)):
            assert self.child.poll() is None, f'The sidecar ended with {self.child.returncode}:\n{self.log}'
            assert time.monotonic() < deadline, f'The sidecar does not serve after {START_SECONDS} s:\n{self.log}'
            time.sleep(0.05)
        self.address = found.group(1), int(found.group(2))
        return self

    def stop(self, number=signal.SIGTERM, seconds: float = 15) -> tuple[int, float]:
        """End it with this signal; returns its exit status and how many seconds it took."""
        begun = time.monotonic()
        self.child.send_signal(number)
        self.child.wait(seconds)
        return self.child.returncode, time.monotonic() - begun
