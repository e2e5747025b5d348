"""pgbouncer before a stack's PostgreSQL, for sidecars that reach the database through a pool of connections.

It is Debian's package, unpacked into a private folder with the libraries that it needs, so that the test is the same
whether the machine has one or not. It lets the hosts' role in, also to its own console, the database `pgbouncer`.
"""

import contextlib
from pathlib import Path

from ..build.debian import Package, library_path, unpacked
from ..run import privilege
from ..run.ports import is_open, take_port
from ..run.process import Server
from .postgres import ROLE

# Its libraries and theirs, down to those that every Debian machine has.
PACKAGES = tuple(Package(name, 'bookworm') for name in (
    'pgbouncer', 'libaudit1', 'libc-ares2', 'libcap-ng0', 'libcap2', 'libevent-2.1-7', 'libgcrypt20', 'libgpg-error0',
    'liblz4-1', 'liblzma5', 'libpam0g', 'libssl3', 'libsystemd0', 'libzstd1'))
LEAVE_OUT = ('./usr/share', './etc', './lib/systemd')

CONFIGURATION = """; Written by the sandbox.
[databases]
* = host=127.0.0.1 port={postgresql_port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {place}/users.txt
admin_users = {role}
pool_mode = {mode}
"""


def build_pgbouncer() -> Path:
    """Unpack Debian's pgbouncer unless it is there already; returns its root. Raises SandboxError."""
    return unpacked('pgbouncer', 'pgbouncer (4 MB)', PACKAGES, LEAVE_OUT)


class Pgbouncer:
    """A pool before the PostgreSQL of a stack; `mode` is 'session', 'transaction' or 'statement'."""

    def __init__(self, stack, mode: str):
        self.root = build_pgbouncer()
        self.stack = stack
        self.mode = mode
        self.port = take_port(stack.folder)
        self.name = f'pgbouncer-{self.port}'
        self.place = stack.folder.path / self.name

    def dsn(self, database: str) -> str:
        """A libpq connection string for the database, through the pool."""
        password = self.stack.postgresql.password
        return f'host=127.0.0.1 port={self.port} user={ROLE} password={password} dbname={database}'

    def write(self):
        self.place.mkdir(mode=0o700, exist_ok=True)
        postgresql = self.stack.postgresql
        (self.place / 'pgbouncer.ini').write_text(CONFIGURATION.format(
            postgresql_port=postgresql.port, port=self.port, place=self.place, role=ROLE, mode=self.mode))
        (self.place / 'users.txt').write_text(f'"{ROLE}" "{postgresql.password}"\n')
        privilege.give(self.place)

    @contextlib.contextmanager
    def running(self):
        """Serve for as long as the `with` lasts."""
        self.write()
        server = Server(self.stack.folder, self.name, [self.root / 'usr/sbin/pgbouncer', self.place / 'pgbouncer.ini'],
                        port=self.port, environment={'LD_LIBRARY_PATH': library_path(self.root)},
                        ready=lambda: is_open(self.port))
        server.start()
        try:
            server.wait_ready(15)
            yield self
        finally:
            server.stop()
