"""doc/backup.rst, doc/upgrading.rst and doc/uninstalling.rst: their commands, typed beside a sidecar that serves."""

import re
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
    """`type_all(commands, db)`: type them where mydb is `db`; the output of the last one."""
    folder = stack.folder.path / 'typed'
    folder.mkdir(exist_ok=True)
    privilege.give(folder)
    port = stack.postgresql.port
    environment = {**base_environment(stack.folder), 'PGHOST': '127.0.0.1', 'PGPORT': str(port), 'PGUSER': 'openerp',
                   'PGPASSWORD': stack.postgresql.password}
    environment['PATH'] = f'{stack.tools.postgres_bin}:{environment.get("PATH", "")}'
    config = programs.config('typed', db_name=None)

    def type_all(lines, db, *, fails=False):
        assert lines
        said = ''
        for line in lines:
            line = re.sub(r'\bmydb\b(?!\.dump)', db, line).replace('mytest', f'{db}_test')
            if line.startswith('odoo '):
                outcome = programs.run(OE, '-c', config, *line.split()[3:])
                assert outcome.status == 0, outcome.err
                said = outcome.err
                continue
            done = subprocess.run(privilege.drop(['sh', '-c', line]), env=environment, cwd=folder, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
            assert (done.returncode != 0) == fails, f'{line}\n{done.stdout}'
            said = done.stdout
        return said
    return type_all


def test_the_pages_commands_are_found():
    assert commands('backup', 'Restoration')[0] == 'dropdb --force mydb'
    assert commands('backup', 'A restoration that failed half-way') == [UPDATE]
    assert commands('upgrading', 'To a newer version')[0].startswith('cp -r /srv/longpolling')
    assert UPDATE in commands('upgrading', 'To a newer version')


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


def test_uninstalled_and_installed_again(on_demand, copies, login, type_all):
    """The way back of a release that has changed a table: pages get 404 or 503 meanwhile, and then are served."""
    [name] = copies()
    session = login(name)
    with on_demand() as serving:
        assert database_of(session, serving) == name
        session.uninstall('web_longpolling')
        eventually(lambda: f'The database {name} is not served: ' in serving.log or
                   database_of(login(name), serving) == 404, NOTICED)
        assert database_of(login(name), serving) in (404, 503)
        type_all([UPDATE.replace('-u web_longpolling', '-i longpolling_test')], name)
        eventually(lambda: database_of(login(name), serving) == name, NOTICED)
        assert 'Traceback' not in serving.log
