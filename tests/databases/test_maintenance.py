"""doc/backup.rst, doc/upgrading.rst and doc/uninstalling.rst: their commands, typed beside a sidecar that serves."""

import contextlib
import re
import shutil
import subprocess

import pytest

from sandbox.paths import ROOT
from sandbox.run import privilege
from sandbox.run.process import base_environment
from tests.support.held_polls import eventually
from tests.support.pages import Page, payloads
from tests.support.programs import OE

from .conftest import KILL
from .test_on_demand import NOTICED, database_of, publish

# What stands in place of the pages' own: the sandbox has no user odoo, and one command for both hosts.
UPDATE = 'odoo -c /etc/odoo/odoo.conf -d mydb -u web_longpolling --stop-after-init'


def commands(page: str, title: str) -> list[str]:
    """The lines of the literal blocks below the item or section `title`, without `runuser`."""
    text = (ROOT / 'doc' / f'{page}.rst').read_text(encoding='utf-8')
    part = re.split(rf'^{re.escape(title)}\n(?:-+\n)?', text, flags=re.MULTILINE)[1]
    part = re.split(r'^(?=\S[^\n]*\n(?:    \S|-{4,}))', part, flags=re.MULTILINE)[0]
    found = []
    for block in re.findall(r'::\n\n((?:(?: {4,}\S.*)?\n)+?)(?=\S|\Z| {4}\S| {3}\S|\d)', part):
        found += [line.strip().replace('runuser -u odoo -- ', '') for line in block.splitlines() if line.strip()]
    return found


@pytest.fixture
def type_all(stack, programs):
    """`type_all(commands, db)`: type them where mydb is `db`; the output of the last one.

    `service` is called with what systemctl is told, instead of it; what is below /srv is in `type_all.srv`, and is the
    addon that is updated if there is one.
    """
    folder = stack.folder.path / 'typed'
    srv = folder / 'srv'
    units = folder / 'system'
    for each in (folder, srv, units):
        each.mkdir(exist_ok=True)
        privilege.give(each)
    port = stack.postgresql.port
    environment = {**base_environment(stack.folder), 'PGHOST': '127.0.0.1', 'PGPORT': str(port), 'PGUSER': 'openerp',
                   'PGPASSWORD': stack.postgresql.password}
    environment['PATH'] = f'{stack.tools.postgres_bin}:{environment.get("PATH", "")}'
    config = programs.config('typed', db_name=None)

    def type_all(lines, db, *, fails=False, service=None, config=config, oe=OE):
        assert lines
        said = ''
        for line in lines:
            line = re.sub(r'\bmydb\b(?!\.dump)', db, line).replace('mytest', f'{db}_test')
            line = line.replace('/srv/', f'{srv}/').replace('/etc/systemd/system/', f'{units}/')
            if line.startswith('systemctl '):
                service(*line.split()[1:])
                continue
            if line.startswith('odoo '):
                outcome = programs.run(oe, '-c', config, *line.split()[3:])
                assert outcome.status == 0, outcome.err
                said = outcome.err
                continue
            place = ROOT if 'cp -r web_longpolling ' in line else folder
            done = subprocess.run(privilege.drop(['sh', '-c', line]), env=environment, cwd=place, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
            assert (done.returncode != 0) == fails, f'{line}\n{done.stdout}'
            said = done.stdout
        return said
    type_all.srv, type_all.units = srv, units
    return type_all


class Service:
    """The sidecar as systemd runs it from a folder: `systemctl` tells it what to do. The host of these tests has the
    checkout's code, and needs no restart."""

    def __init__(self, programs, folder, config, stays):
        self.told: list[tuple[str, ...]] = []
        self._words = '-c', config, '-p', programs.port()
        self._start = lambda: stays.enter_context(programs.serving(*self._words, script=folder / 'server.py'))
        self.serving = self._start()

    def __call__(self, *words: str):
        self.told.append(words)
        if words[-1] == 'longpolling':
            status, _ = self.serving.stop(seconds=40)
            assert (status, 'Traceback' in self.serving.log) == (0, False), self.serving.log
            if words[0] == 'restart':
                self.serving = self._start()


def test_the_pages_commands_are_found():
    assert commands('backup', 'Restoration')[0] == 'dropdb --force mydb'
    assert commands('backup', 'A restoration that failed half-way') == [UPDATE]
    assert commands('upgrading', 'To a newer version')[0].startswith('cp -r /srv/longpolling')
    assert UPDATE in commands('upgrading', 'To a newer version')
    assert commands('upgrading', 'To a newer version')[-1] == 'systemctl restart longpolling'
    assert len(commands('upgrading', 'Back to the version before')) == 1
    assert len(commands('uninstalling', 'Uninstalling')) == 3


def test_backup_restoration_and_copies(on_demand, copies, login, stack, sql, type_all):
    """As the page says it, under a sidecar that serves: without a restart, and nothing is missed in silence."""
    [name] = copies()
    try:
        session = login(name)
        with on_demand() as serving:
            page = Page(session, '/news/follow', {'channels': ['wall']})
            page.poll(url=serving.url)
            publish(stack, name, 'wall', 'before')
            assert payloads(page.poll(url=serving.url).json()) == ['before']
            type_all(commands('backup', 'Backup'), name)

            type_all(commands('backup', 'Restoration'), name)
            eventually(lambda: database_of(session, serving) == name, NOTICED)
            answer = page.poll(url=serving.url)
            assert answer.json()['missed'] is True

            type_all(commands('backup', 'A copy for tests'), name)
            assert database_of(login(f'{name}_test'), serving) == f'{name}_test'
            said = type_all([f'createdb -T mydb {name}_again'], name, fails=True)
            assert 'is being accessed by other users' in said

            sql('DROP TABLE longpolling_mark', db=name)
            sql(KILL, (name,))
            half_way = type_all(commands('backup', 'A restoration that failed half-way'), name)
            assert 'ERROR' not in half_way
            eventually(lambda: database_of(session, serving) == name, NOTICED)

            [origin] = sql('SELECT * FROM longpolling_origin', db=name)
            type_all(commands('backup', "A copy of PostgreSQL's files"), name)
            assert sql('SELECT * FROM longpolling_origin', db=name) != [origin]
            eventually(lambda: database_of(session, serving) == name, NOTICED)
            page = Page(session, '/news/follow', {'channels': ['wall']})
            page.poll(url=serving.url)
            publish(stack, name, 'wall', 'after')
            assert payloads(page.poll(url=serving.url).json()) == ['after']
            assert 'Traceback' not in serving.log
    finally:
        sql(f'DROP DATABASE IF EXISTS {name}_test WITH (FORCE)')


def version(programs, folder) -> str:
    return programs.run(folder / 'server.py', '--version').out.split(',')[0]


def test_upgraded_put_back_uninstalled_and_installed_again(stack, programs, copies, login, sql, type_all):
    """As the pages say it, with another version before. Pages miss nothing; they get 404 or 503 without the module."""
    [name] = copies()
    folder = type_all.srv / 'longpolling' / 'web_longpolling'
    folder.parent.mkdir()
    shutil.copytree(ROOT / 'web_longpolling', folder, ignore=shutil.ignore_patterns('__pycache__', '*.pyc'))
    manifest = folder / '__manifest__.py'
    manifest.write_text(re.sub(r"('version': '[\d.]*)\d'", r"\g<1>987'", manifest.read_text()))
    (type_all.units / 'longpolling.service').touch()
    for path in (folder.parent, type_all.units):
        privilege.give(path)
        for each in path.rglob('*'):
            privilege.give(each)
    addons = next(line.partition(' = ')[2] for line in stack.config.read_text().splitlines()
                  if line.startswith('addons_path'))
    config = programs.config('upgraded', db_name=None, addons_path=','.join(
        str(folder.parent) if path == str(ROOT) else path for path in addons.split(',')))
    session = login(name)
    page = Page(session, '/news/follow', {'channels': ['wall']})
    with contextlib.ExitStack() as stays:
        service = Service(programs, folder, config, stays)

        def type_page(title, page='upgrading'):
            type_all(commands(page, title), name, service=service, config=config, oe=folder / 'oe.py')

        def hears(payload):
            publish(stack, name, 'wall', payload)
            eventually(lambda: database_of(session, service.serving) == name, NOTICED)
            return payloads(page.poll(url=service.serving.url).json())

        page.poll(url=service.serving.url)
        assert hears('before') == ['before']
        old, new = version(programs, folder), version(programs, ROOT / 'web_longpolling')
        assert old != new and old.endswith('987')
        type_page('To a newer version')
        assert service.told == [('restart', 'odoo'), ('restart', 'longpolling')]
        assert (hears('new'), version(programs, folder)) == (['new'], new)

        type_page('Back to the version before')
        service('restart', 'longpolling')
        assert (hears('old'), version(programs, folder)) == (['old'], old)

        session.uninstall('web_longpolling')
        eventually(lambda: f'The database {name} is not served: ' in service.serving.log or
                   database_of(login(name), service.serving) == 404, NOTICED)
        assert database_of(login(name), service.serving) in (404, 503)
        assert sql("SELECT relname FROM pg_class WHERE relname LIKE 'longpolling%%'", db=name) == []
        type_all([UPDATE.replace('-u web_longpolling', '-i longpolling_test')], name)
        eventually(lambda: database_of(login(name), service.serving) == name, NOTICED)

        type_page('Uninstalling', 'uninstalling')
        assert service.told[-2:] == [('disable', '--now', 'longpolling'), ('daemon-reload',)]
        [removal] = re.findall(r'``(rm -r \S+)``', (ROOT / 'doc/uninstalling.rst').read_text())
        type_all([removal], name)
        assert not folder.parent.exists() and not list(type_all.units.iterdir())
        assert login(name).uid == session.uid
