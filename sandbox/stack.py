"""The servers of a run: where they are, what tests do to them, how they come up and go down.

`running` brings a Stack up for as long as a `with` lasts.
"""

import http.client
import shlex
import signal
from collections.abc import Iterable
from pathlib import Path

from .errors import SandboxError
from .paths import ROOT
from .run import privilege
from .run.ports import take_port
from .run.process import PortTaken, Server, base_environment
from .run.rundir import RunFolder
from .servers.hostconfig import DATABASE, LOGIN, PASSWORD, TRAITS, configuration
from .servers.nginx import DEFAULT_PATH, Dispatch, Nginx
from .servers.postgres import ROLE, SUPERUSER, PostgreSQL
from .servers.sidecar import Sidecar

# Seconds that the host may take to answer, on a busy machine with two slow cores.
HOST_SECONDS = 120


class Stack:
    """What `running` yields. Times are in seconds, ports are on 127.0.0.1."""

    login, password = LOGIN, PASSWORD

    def __init__(self, installation, tools, folder, addons, options, sidecar_args):
        self.installation = installation
        self.tools = tools
        self.folder: RunFolder = folder
        self.addons = addons
        self.options = options
        self.sidecar_args = sidecar_args
        self.host: str = installation.host
        self.db: str = DATABASE
        self.python: Path = installation.python
        self.config: Path = folder.path / 'host.conf'
        self.log_dir: Path = folder.log
        self.sidecars: list[Sidecar] = []
        self.keep_logs = False      # set it if what was done with the stack failed

    # Where it is

    @property
    def url(self) -> str:
        """nginx, the way a browser goes."""
        return f'http://127.0.0.1:{self.nginx.dispatch.port}'

    @property
    def host_url(self) -> str:
        return f'http://127.0.0.1:{self.host_port}'

    @property
    def sidecar_url(self) -> str:
        return self.sidecars[0].url

    @property
    def sidecar_pid(self) -> int | None:
        return self.sidecars[0].pid

    @property
    def path(self) -> str:
        """The long polling path, `longpolling_path` of the configuration."""
        return self.options.get('longpolling_path', DEFAULT_PATH)

    @property
    def dsn(self) -> str:
        """libpq connection string of the hosts' role, which owns the database."""
        return self.postgresql.dsn(self.db)

    @property
    def superuser_dsn(self) -> str:
        """The same for PostgreSQL's superuser, for tests that break things."""
        return self.postgresql.dsn(self.db, SUPERUSER)

    @property
    def sidecar_command(self) -> str:
        """A line for a shell that starts another sidecar, with the rights and environment of the first.

        It listens on a free port (without a first sidecar: on the port to which nginx dispatches); a `-p PORT` at the
        end of the line wins. It is taken down with the run.
        """
        environment = {**base_environment(self.folder), **self.installation.environment}
        words = self._sidecar_words(self._another_port)
        return shlex.join([
            'env', '-i', *(f'{name}={value}' for name, value in environment.items()),
            *self.folder.pidfile.command('another-sidecar', privilege.drop(words))])

    def environment(self) -> dict[str, str]:
        """The variables that a command of `sandbox run` gets."""
        return {
            'SANDBOX_HOST': self.host,
            'SANDBOX_URL': self.url,
            'SANDBOX_HOST_URL': self.host_url,
            'SANDBOX_SIDECAR_URL': self.sidecar_url,
            'SANDBOX_DB': self.db,
            'SANDBOX_DSN': self.dsn,
            'SANDBOX_CONFIG': str(self.config),
            'SANDBOX_PYTHON': str(self.python),
            'SANDBOX_SIDECAR_PID': str(self.sidecar_pid or ''),
            'SANDBOX_SIDECAR_CMD': self.sidecar_command,
            'SANDBOX_LOG_DIR': str(self.log_dir),
            'SANDBOX_LOGIN': self.login,
            'SANDBOX_PASSWORD': self.password,
        }

    def log(self, name: str) -> str:
        """What 'host', 'sidecar', 'nginx', 'postgresql' or another sidecar has logged so far."""
        path = self.log_dir / f'{name}.log'
        return path.read_text(errors='replace') if path.exists() else ''

    # What tests do to it

    def start_sidecar(self, extra_args=()):
        """Start the first sidecar again, on its port."""
        self.sidecars[0].start(extra_args)

    def stop_sidecar(self, signal: int = signal.SIGTERM) -> int | None:
        """End the first sidecar; returns its exit status."""
        return self.sidecars[0].stop(signal)

    def another_sidecar(self, extra_args=(), port: int | None = None) -> Sidecar:
        """One more sidecar, up; nginx does not know it until `dispatch_to`."""
        sidecar = self._new_sidecar(f'sidecar-{len(self.sidecars) + 1}', port)
        self.sidecars.append(sidecar)
        sidecar.start(extra_args)
        return sidecar

    def dispatch_to(self, *sidecars: Sidecar):
        """Let nginx dispatch polls to these sidecars from now on; those of open windows may go on to the old ones."""
        self.nginx.change(sidecar_ports=tuple(sidecar.port for sidecar in sidecars))

    def stop_host(self, signal: int = signal.SIGTERM) -> int | None:
        return self._host.stop(signal)

    def start_host(self):
        self._host.start()
        self._host.wait_ready(HOST_SECONDS)

    def stop_postgresql(self, mode: str = 'fast'):
        """End PostgreSQL as `pg_ctl stop -m MODE` does."""
        self.postgresql.stop(mode)

    def start_postgresql(self):
        """Start it again, on its port."""
        self.postgresql.start()

    def restart_postgresql(self, mode: str = 'fast'):
        self.stop_postgresql(mode)
        self.start_postgresql()

    # Up and down

    def bring_up(self, database, sidecar: bool, tries: int = 3):
        self.postgresql = PostgreSQL(self.tools, self.folder, database.cluster, database.password)
        self.postgresql.start()
        self.data = database.data
        for attempt in range(tries):
            self._choose_ports()
            self._write_config()
            try:
                return self._start_servers(sidecar)
            except PortTaken as taken:
                self._stop_servers()
                if attempt == tries - 1:
                    raise SandboxError(f'The port of the server "{taken}" was taken by another program {tries} times '
                                       'in a row: try again.') from None

    def _choose_ports(self):
        self.host_port = take_port(self.folder)
        self.sidecars = [self._new_sidecar('sidecar')]
        self.nginx = Nginx(self.tools, self.folder, Dispatch(
            take_port(self.folder), self.host_port, (self.sidecars[0].port,), self.path, self.timeout))

    def _new_sidecar(self, name: str, port: int | None = None) -> Sidecar:
        return Sidecar(self.folder, name, port or take_port(self.folder), self._sidecar_words,
                       self.installation.environment)

    @property
    def timeout(self) -> float:
        """`longpolling_timeout` of the configuration, in seconds."""
        try:
            return float(self.options.get('longpolling_timeout', 60))
        except ValueError:
            return 60.0         # the sidecar's own message explains what is wrong with it

    def _write_config(self):
        self.config.touch(mode=0o600)
        self.config.write_text(configuration(
            self.host, database=self.db, db_port=self.postgresql.port, db_user=ROLE,
            db_password=self.postgresql.password, port=self.host_port,
            addons=[*self.installation.addons, *self.addons], data=self.data, options=self.options))
        privilege.give(self.config)

    def _start_servers(self, sidecar: bool):
        """The three side by side: each loads for seconds, mostly on a core of its own."""
        self._host = Server(self.folder, 'host', [*self.installation.server, '-c', self.config],
                            port=self.host_port, environment=self.installation.environment, ready=self._host_answers)
        self._host.start()
        if sidecar:
            self.sidecars[0].launch()
        self.nginx.start()
        if sidecar:
            self.sidecars[0].wait_ready()
        self._host.wait_ready(HOST_SECONDS)
        self._another_port = take_port(self.folder) if sidecar else self.sidecars[0].port

    def _host_answers(self) -> bool:
        connection = http.client.HTTPConnection('127.0.0.1', self.host_port, timeout=30)
        try:
            connection.request('GET', TRAITS[self.host].ready_path)
            return connection.getresponse().status in (200, 303)
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _sidecar_words(self, port: int, extra_args: Iterable[str] = ()) -> list[str]:
        return [str(word) for word in (
            self.python, ROOT / 'web_longpolling' / 'server.py', '-c', self.config, '-d', self.db,
            '-i', '127.0.0.1', '-p', port, *self.sidecar_args, *extra_args)]

    def _stop_servers(self):
        self.nginx.stop()
        for sidecar in self.sidecars:
            sidecar.stop()
        if getattr(self, '_host', None):
            self._host.stop()

    def take_down(self):
        """In the order in which a request goes, so that none meets a missing server; the database last."""
        if getattr(self, 'nginx', None):
            self._stop_servers()
        if getattr(self, 'postgresql', None):
            self.postgresql.stop()
