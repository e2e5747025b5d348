"""Templates: stopped databases that a run copies, so that only the first run installs anything.

Two layers for each host below `.sandbox/templates/`:

    HOST-base-KEY       a cluster with the host's `base` and `web`; KEY says with which pins it was made
    HOST-modules-KEY    a copy of it with the run's modules installed; KEY says which, and what their sources were

A changed source gives another key, so no run meets a database that older sources made. A layer is built in the folder
of the run that needs it, under a lock on its name, and moved to its place when it is complete.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .addons import digest, own_addons
from .build import Installation, Tools
from .paths import ROOT, TEMPLATES
from .progress import say, step
from .run import privilege
from .run.ports import take_port
from .run.process import run_once
from .run.rundir import RunFolder
from .servers import postgres
from .servers.hostconfig import BASE_MODULES, DATABASE, TRAITS, configuration

KEPT = {'base': 2, 'modules': 6}    # templates of a host, the most recently used
FORMAT = '1'                # raise it when a template is made in another way
INSTALL_SECONDS = 900


class Database(NamedTuple):
    """A copy of a template in the folder of a run."""

    cluster: Path           # of PostgreSQL
    data: Path              # the host's data_dir
    password: str           # of both roles of the cluster


@dataclass
class Templates:
    """Makes and copies the templates of one host, and reports to the user what takes time."""

    installation: Installation
    tools: Tools
    folder: RunFolder
    addons: list[Path]      # addons_path without the host's own

    def copy(self, modules: list[str]) -> Database:
        """A database with these modules installed, in the folder of the run."""
        TEMPLATES.mkdir(parents=True, exist_ok=True)
        with self._template('modules', self._modules_key(modules), lambda: self._install(modules)) as template:
            database = self._copy(template, self.folder.path)
        self._prune()
        return database

    # The layers

    def _base_key(self) -> str:
        return _key(FORMAT, self.installation.fingerprint, *BASE_MODULES, postgres.CONFIGURATION)

    def _modules_key(self, modules: list[str]) -> str:
        own = own_addons(modules, self.addons, self.installation.host)
        return _key(self._base_key(), *sorted(set(modules)), digest([*own.values(), ROOT / 'web_longpolling']))

    def _make_base(self) -> Path:
        host = self.installation.host
        place = self._new_layer('base')
        cluster = place / 'postgresql'
        password = postgres.initialise(self.tools, self.folder, cluster)
        (place / 'password').write_text(password)
        (place / 'password').chmod(0o600)
        with self._server(place) as server:
            server.create_role()
            if not TRAITS[host].creates_database:
                server.create_database(DATABASE)
            with step(f'{host}: making a database with {", ".join(BASE_MODULES)} (once)'):
                self._run_host(place, server, list(self.installation.server), BASE_MODULES, 'install-base')
        return place

    def _install(self, modules: list[str]) -> Path:
        with self._template('base', self._base_key(), self._make_base) as base:
            place = self._new_layer('modules')
            self._copy(base, place)
            shutil.copy2(base / 'password', place / 'password')
        title = f'{self.installation.host}: installing {", ".join(modules)} (again only when sources change)'
        with self._server(place) as server, step(title):
            command = [str(self.installation.python), str(ROOT / 'web_longpolling' / 'oe.py')]
            self._run_host(place, server, command, modules, 'install-modules')
        return place

    def _run_host(self, place, server, command, modules, name):
        """Run an installing command until it ends, with a configuration file like the run's."""
        config = self.folder.path / f'{name}.conf'
        config.write_text(configuration(
            self.installation.host, database=DATABASE, db_port=server.port, db_user=postgres.ROLE,
            db_password=server.password, port=take_port(self.folder),
            addons=[*self.installation.addons, *self.addons], data=place / 'data', options={}))
        privilege.give(config)
        config.chmod(0o600)
        run_once(self.folder, [*command, '-c', config, '-d', DATABASE, '-i', ','.join(modules), '--stop-after-init'],
                 self.folder.log / f'{name}.log', name=name, seconds=INSTALL_SECONDS,
                 environment=self.installation.environment)

    @contextlib.contextmanager
    def _server(self, place: Path):
        server = postgres.PostgreSQL(self.tools, self.folder, place / 'postgresql',
                                     (place / 'password').read_text())
        try:
            server.start()
            yield server
        finally:
            server.stop()

    def _new_layer(self, name: str) -> Path:
        """An empty place in the folder of the run, on the same file system as the templates."""
        place = self.folder.path / f'new-{name}'
        place.mkdir()
        for part in ('postgresql', 'data'):
            (place / part).mkdir(mode=0o700)
            privilege.give(place / part)
        return place

    def _copy(self, template: Path, place: Path) -> Database:
        for part in ('postgresql', 'data'):
            # cp shares the blocks where the file system can (btrfs, xfs), and copies in the kernel elsewhere.
            subprocess.run(['cp', '-a', '--reflink=auto', '-T', template / part, place / part], check=True)
        return Database(place / 'postgresql', place / 'data', (template / 'password').read_text())

    # Locks

    @contextlib.contextmanager
    def _template(self, layer: str, key: str, make):
        """The complete template of this key, made by `make` if there is none, and not removed meanwhile."""
        path = TEMPLATES / f'{self.installation.host}-{layer}-{key}'
        with (TEMPLATES / f'{path.name}.lock').open('w') as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            if not path.exists():
                fcntl.flock(lock, fcntl.LOCK_UN)
                self._lock_to_make(lock)
                if not path.exists():
                    os.rename(make(), path)
                fcntl.flock(lock, fcntl.LOCK_SH)
            os.utime(path)
            yield path

    def _lock_to_make(self, lock):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say('Another run is making the same database template: waiting for it.')
            fcntl.flock(lock, fcntl.LOCK_EX)

    def _prune(self):
        """Remove all but the most recently used templates of this host; one that is being used stays."""
        for layer, kept in KEPT.items():
            templates = [path for path in TEMPLATES.glob(f'{self.installation.host}-{layer}-*') if path.is_dir()]
            for old in sorted(templates, key=lambda path: path.stat().st_mtime, reverse=True)[kept:]:
                with (TEMPLATES / f'{old.name}.lock').open('w') as lock, contextlib.suppress(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(old, ignore_errors=True)


def _key(*parts: str) -> str:
    return hashlib.sha256('\0'.join(parts).encode()).hexdigest()[:16]
