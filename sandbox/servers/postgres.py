"""A PostgreSQL cluster of its own for every run: made once per template, copied, started on a free loopback port.

The cluster belongs to this sandbox alone, so it trades what only a crash of the machine could need (fsync) for
speed; commits are still written out before they are answered, so that a killed server loses nothing. It listens on
127.0.0.1 only and asks for a password; there is no Unix socket, whose path may not be longer than 107 bytes.
"""

import secrets
import signal
from pathlib import Path

from ..run.ports import take_port
from ..run.process import PortTaken, Server, run_once
from ..run.rundir import RunFolder

SUPERUSER = 'postgres'
# The role of the hosts: they refuse `postgres`, and a real installation gives them no superuser either.
ROLE = 'openerp'

CONFIGURATION = """
# Written by the sandbox.
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 250
max_prepared_transactions = 20
shared_buffers = 64MB
fsync = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
min_wal_size = 4MB
log_destination = 'stderr'
logging_collector = off
log_line_prefix = '%m [%p] %d '
log_timezone = 'UTC'
timezone = 'UTC'
"""


def initialise(tools, folder: RunFolder, place: Path) -> str:
    """Make a cluster in `place` (an empty folder of the servers' user); returns the passwords' common value."""
    password = secrets.token_urlsafe(18)
    passwords = folder.tmp / 'initdb-password'
    passwords.write_text(password + '\n')
    try:
        run_once(folder, [
            tools.postgres_bin / 'initdb', '-D', place, '-U', SUPERUSER, '--encoding=UTF8', '--locale=C.UTF-8',
            '--auth=scram-sha-256', f'--pwfile={passwords}', '--no-sync', '--wal-segsize=1',
        ], folder.log / 'initdb.log', name='initdb', seconds=120)
    finally:
        passwords.unlink()
    with (place / 'postgresql.conf').open('a') as file:
        file.write(CONFIGURATION)
    return password


class PostgreSQL:
    """The server of the cluster in `place`."""

    def __init__(self, tools, folder: RunFolder, place: Path, password: str):
        self.tools = tools
        self.folder = folder
        self.place = place
        self.password = password
        self.port = take_port(folder)
        self.server: Server | None = None

    def start(self, tries: int = 3):
        """Start it and wait until it accepts connections; keeps the port of an earlier start."""
        for attempt in range(tries):
            # The status file of an earlier server would contain "ready" already.
            (self.place / 'postmaster.pid').unlink(missing_ok=True)
            self.server = Server(
                self.folder, 'postgresql',
                [self.tools.postgres_bin / 'postgres', '-D', self.place, '-p', str(self.port)],
                port=self.port, ready=self._accepts, stop_signal=signal.SIGINT, stop_seconds=20)
            try:
                self.server.start()
                return self.server.wait_ready(60)
            except PortTaken:
                if attempt == tries - 1:
                    raise
                self.port = take_port(self.folder)

    def _accepts(self) -> bool:
        # Line 8 of postmaster.pid is what pg_ctl itself waits for (src/include/utils/pidfile.h).
        try:
            lines = (self.place / 'postmaster.pid').read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[7].strip() == 'ready'

    def stop(self, mode: str = 'fast'):
        """End it as `pg_ctl stop -m MODE` does: 'smart', 'fast' or 'immediate'."""
        signals = {'smart': signal.SIGTERM, 'fast': signal.SIGINT, 'immediate': signal.SIGQUIT}
        if self.server:
            self.server.stop(signals[mode])

    def dsn(self, database: str, role: str = ROLE) -> str:
        """A libpq connection string for the database."""
        return f'host=127.0.0.1 port={self.port} user={role} password={self.password} dbname={database}'

    def execute(self, sql: str, database: str = 'postgres', role: str = SUPERUSER):
        """Run SQL with psql; SandboxError with what it said if a statement fails."""
        run_once(self.folder,
                 [self.tools.postgres_bin / 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', '-'],
                 self.folder.log / 'psql.log', name='psql', seconds=60, text=sql,
                 environment={'PGHOST': '127.0.0.1', 'PGPORT': str(self.port), 'PGUSER': role,
                              'PGPASSWORD': self.password, 'PGDATABASE': database})

    def create_role(self):
        """Make the hosts' role, which may create databases and is no superuser."""
        self.execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{self.password}';")

    def create_database(self, name: str):
        """Make an empty database of the hosts' role, as the hosts themselves would (Odoo: template0, collation C)."""
        self.execute(f"CREATE DATABASE \"{name}\" OWNER {ROLE} ENCODING 'UTF8' LC_COLLATE 'C' TEMPLATE template0;")
