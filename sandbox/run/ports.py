"""Free loopback ports for the servers of a run.

A port is free until somebody takes it: between the look and the server's own bind another program may be quicker.
Three things keep that rare and harmless: the ports come from below the range from which the kernel gives
ports to outgoing connections (`ip_local_port_range`), runs of this checkout see each other's choice under a
lock, and a server that finds its port taken is started again on another one (see `process`).
"""

import contextlib
import errno
import fcntl
import random
import socket

from ..errors import SandboxError
from ..paths import RUNS
from .rundir import RunFolder, run_folders

FIRST, LAST = 20000, 32000
TRIES = 500


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(('127.0.0.1', port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise SandboxError(f'No socket can be opened on 127.0.0.1 ({error.strerror}): bring up the loopback '
                               'interface, for example with "ip link set lo up".') from error
    return True


@contextlib.contextmanager
def _lock():
    with (RUNS / 'ports.lock').open('w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def take_port(folder: RunFolder) -> int:
    """A free port, written down in the folder of the run so that no other run takes it."""
    with _lock():
        taken: set[int] = set()
        for other in run_folders():
            with contextlib.suppress(OSError):
                taken.update(int(port) for port in (other.path / 'ports').read_text().split())
        for _ in range(TRIES):
            port = random.randrange(FIRST, LAST)
            if port not in taken and is_free(port):
                with (folder.path / 'ports').open('a') as file:
                    file.write(f'{port}\n')
                return port
    raise SandboxError(f'No free port was found on 127.0.0.1 between {FIRST} and {LAST}: end programs that '
                       'listen there ("ss -ltnp" shows them).')


def is_open(port: int) -> bool:
    """Whether a server accepts connections on this loopback port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex(('127.0.0.1', port)) == 0
