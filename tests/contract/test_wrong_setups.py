"""The table of doc/troubleshooting.rst: what --check, the start and /health say of set-ups that are wrong.

The table is read from the page; each row has a function here that makes the set-up, by the words of its first cell.
"""

import contextlib
import re
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sandbox.paths import ROOT
from sandbox.run import privilege
from sandbox.servers import nginx
from tests.support.held_polls import eventually

from .test_mistakes import sentence

# Rows that other tests prove: tests/faults/test_health.py, tests/contract/test_pgbouncer.py.
ELSEWHERE = {'The module is uninstalled while the sidecar runs', 'A pgbouncer in transaction mode is between'}
NOTHING = '–'


def rows() -> dict[str, list[str]]:
    """The cells of each row by those of the first column: what --check, the start and /health say."""
    text = (ROOT / 'doc' / 'troubleshooting.rst').read_text(encoding='utf-8')
    table = text.split('.. list-table::')[1].split('\n\n\n')[0]
    found = {}
    for row in table.split('\n   * - ')[1:]:
        title, *cells = [' '.join(cell.split()) for cell in row.split('\n     - ')]
        found[title] = cells
    del found['set-up']
    return found


def said(pattern: str, text: str) -> bool:
    """Whether a line of the text says this; … stands for anything."""
    return bool(re.search('.*?'.join(map(re.escape, pattern.split('…'))), text))


class Making:
    """What a function that makes a set-up has: `arguments`, `environment` and `url` are for server.py."""

    def __init__(self, stack, programs, undo: contextlib.ExitStack, ann):
        self.stack, self.programs, self.undo, self.ann = stack, programs, undo, ann
        self.port = programs.port()
        self.config = stack.config
        self.more: list = []
        self.environment: dict = {}
        self.url: str | None = None

    @property
    def arguments(self) -> list:
        return ['-c', self.config, '-p', self.port, *self.more]

    def folder(self) -> Path:
        """A folder that is the servers' own."""
        folder = Path(self.undo.enter_context(tempfile.TemporaryDirectory(prefix='setup-')))
        privilege.give(folder)
        return folder

    def file(self, text: str):
        self.config = self.stack.folder.path / 'wrong.conf'
        self.config.write_text(text)
        privilege.give(self.config)

    def option(self, **options):
        self.config = self.programs.config('wrong', **options)

    def dispatch(self, **changes):
        """The stack's own sidecar, and a dispatcher that is set up in another way."""
        before = self.stack.nginx.dispatch
        self.undo.callback(lambda: self.stack.nginx.change(**before._asdict()))
        self.stack.nginx.change(**changes)
        self.port, self.url = self.stack.sidecars[0].port, self.stack.url

    def dispatch_by(self, text: str, other: str):
        """The same with another text in nginx's configuration."""
        path, before = self.folder() / 'nginx.conf', nginx.PRODUCTION_FILE
        assert text in before.read_text()
        path.write_text(before.read_text().replace(text, other))

        def back():
            nginx.PRODUCTION_FILE = before
        self.undo.callback(self.stack.nginx.change)
        self.undo.callback(back)
        nginx.PRODUCTION_FILE = path
        self.stack.nginx.change()
        self.port, self.url = self.stack.sidecars[0].port, self.stack.url


def store(making, folder: Path) -> Path:
    """Where a sidecar with this TMPDIR or data_dir looks for sessions."""
    making.option(data_dir=folder)
    making.environment['TMPDIR'] = str(folder)
    user = privilege.unprivileged()[2]
    return folder / (f'oe-sessions-{user}' if making.stack.host == 'openerp-7.0' else 'sessions')


def no_such_folder(making):
    blocker = making.folder() / 'file'
    blocker.touch()
    making.more = ['--logfile', blocker / 'sidecar.log']


def unreadable_sessions(making):
    place = store(making, making.folder())
    place.touch()           # whatever rights it has, a user can't look into a file
    privilege.give(place)


def sessions_elsewhere(making):
    store(making, making.folder())
    making.stack.nginx.change(sidecar_ports=(making.port,))
    before = (making.stack.sidecars[0].port,)
    making.undo.callback(lambda: making.stack.nginx.change(sidecar_ports=before))
    making.url = making.stack.url


def empty_database(making):
    making.stack.postgresql.create_database('without')
    making.more = ['-d', 'without']


def taken_port(making):
    blocker = making.undo.enter_context(socket.socket())
    blocker.bind(('127.0.0.1', 0))
    blocker.listen()
    making.port = blocker.getsockname()[1]


SETUPS = {
    'The configuration file has no line [options]': lambda making: making.file('longpolling_timeout = 30\n'),
    'The configuration file has other sections alone': lambda making: making.file('[queue]\nchannels = root:2\n'),
    'The configuration file is not there': lambda making: setattr(making, 'config', '/nonexistent/odoo.conf'),
    'A key is misspelled': lambda making: making.option(longpolling_tiemout=30),
    'A value is not allowed': lambda making: making.option(longpolling_timeout='soon'),
    "The log file can't be written": no_such_folder,
    "The sessions can't be read": unreadable_sessions,
    'The sessions are elsewhere: another TMPDIR or data_dir, PrivateTmp, a container': sessions_elsewhere,
    'PostgreSQL is elsewhere': lambda making: making.option(db_port=1),
    'The password is wrong': lambda making: making.option(db_password='wrong'),
    'The database is not there': lambda making: making.more.extend(['-d', 'no_such_database']),
    'The module is not installed': empty_database,
    'PostgreSQL has too few connections': lambda making: making.more.append('--max-cursor=300'),
    'Somebody else has the port': taken_port,
    'The address is not of this machine': lambda making: making.more.extend(['-i', '192.0.2.1']),
    'All polls share one cursor': lambda making: setattr(making, 'more', ['--max-cursor', '1']),
    'Too few files may be open': lambda making: making.option(longpolling_max_held=10 ** 8),
    'The dispatcher sends another path': lambda making: making.dispatch(path='/otherpath'),
    'The dispatcher sends polls to another port': lambda making: making.dispatch(
        sidecar_ports=(making.programs.port(),)),
    'The dispatcher does not wait as long as a poll lasts': lambda making: making.dispatch(timeout=-28),
    'The dispatcher does not pass Host on': lambda making: making.dispatch_by(
        '''proxy_set_header Host              $http_host;
    proxy_set_header X-Forwarded-Host  $http_host;''', 'proxy_set_header Host localhost;'),
    'The dispatcher does not tell that a browser is gone': lambda making: making.dispatch_by(
        'proxy_ignore_client_abort off;', 'proxy_ignore_client_abort on;'),
}


@pytest.fixture
def making(stack, programs, ann):
    with contextlib.ExitStack() as undo:
        yield Making(stack, programs, undo, ann)


@pytest.mark.parametrize('setup', SETUPS)
def test_a_wrong_set_up_gets_one_clear_sentence(making, setup):
    """What the page says of it, is what --check, the start and /health say."""
    check, start, health = rows()[setup]
    SETUPS[setup](making)
    programs = making.programs
    outcome = programs.server(*making.arguments, '--check', *(['--url', making.url] if making.url else []),
                              **making.environment)
    assert outcome.status == 1, outcome.out
    assert 'Traceback' not in outcome.err + outcome.out
    wrong = [line for line in outcome.out.splitlines() if not line.startswith('ok     ')]
    assert len(wrong) == 1 and said('to do  ' + check, wrong[0]), outcome.out
    if start.startswith('server.py: '):
        assert said(start, sentence(programs.server(*making.arguments, **making.environment)))
    elif start != NOTHING:
        with programs.serving(*making.arguments, **making.environment) as serving:
            assert making.ann.http.get(serving.url + '/health', timeout=30).json()['status'] == health
            for _ in range(2):
                making.ann.poll('/who', url=serving.url)
            eventually(lambda: said(start, serving.log))
            assert 'Traceback' not in serving.log


def test_a_python_without_the_packages():
    """A Python that is not the server's."""
    check, start, _ = rows()['A Python that is not the server\'s']
    for expected, arguments in ((check, ['--check']), (start, [])):
        outcome = subprocess.run([sys.executable, '-S', ROOT / 'web_longpolling' / 'server.py', *arguments],
                                 capture_output=True, text=True, check=False)
        assert outcome.returncode == 1 and said(expected, outcome.stderr) and outcome.stderr.count('\n') == 1


def test_every_row_of_the_page_is_proved():
    assert set(rows()) == set(SETUPS) | ELSEWHERE | {"A Python that is not the server's"}
    assert len(rows()) >= 15
