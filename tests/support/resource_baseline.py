"""What a sidecar holds, and that it comes back to it."""

import contextlib
import os
import re
from pathlib import Path
from typing import NamedTuple

# Megabytes that the allocator may keep of what a crowd needed.
SLACK = 16
# To PostgreSQL: those of the budget, which are kept, and the listener's.
CONNECTIONS = 8 + 1


def opened(process: int) -> set[str]:
    """What the process has open: 'socket:[12345]', a path, …; each is counted once."""
    found = set()
    for number in os.listdir(f'/proc/{process}/fd'):
        with contextlib.suppress(FileNotFoundError):
            found.add(os.readlink(f'/proc/{process}/fd/{number}'))
    return found


def sockets_to(port: int) -> set[str]:
    """All sockets of this machine that are connected to a port of it, those that are half closed among them."""
    rows = [line.split() for line in Path('/proc/net/tcp').read_text().splitlines()[1:]]
    return {f'socket:[{row[9]}]' for row in rows if int(row[2].rpartition(':')[2], 16) == port}


def resident_megabytes(process: int) -> float:
    [kilobytes] = re.findall(r'^VmRSS:\s+(\d+) kB', Path(f'/proc/{process}/status').read_text(), re.MULTILINE)
    return int(kilobytes) / 1024


class Baseline(NamedTuple):
    """Counted while nobody but the one who asks polls."""

    process: int
    polls: int          # held
    greenlets: int
    descriptors: int    # without those to PostgreSQL
    connections: int    # to PostgreSQL
    megabytes: float    # resident

    @classmethod
    def of(cls, stack, watcher) -> 'Baseline':
        stack.nginx.change()        # a new worker: the old one's connections to the sidecar, kept for later, are gone
        process = stack.sidecar_pid
        held = watcher.poll('/news/held', url=stack.sidecar_url).json()
        descriptors = opened(process)
        connections = len(descriptors & sockets_to(stack.postgresql.port))
        return cls(process, held['following'], held['greenlets'],
                   len(descriptors) - connections, connections,
                   resident_megabytes(process))

    def above(self, before: 'Baseline') -> list[str]:
        """In what it is more than before; nothing, if the sidecar is where it was."""
        assert self.process == before.process, 'it is another process'
        allowed = before._replace(megabytes=before.megabytes + SLACK, connections=max(before.connections, CONNECTIONS))
        return [f'{name}: {was} -> {now}' for name, was, now in zip(self._fields, allowed, self, strict=True)
                if now > was]


def check_quiet(log: str):
    """Nothing was worth a warning."""
    assert not re.search('WARNING|ERROR|CRITICAL|Traceback', log), log
