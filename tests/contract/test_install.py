"""pip install: the addon with all its files, and its commands, in an environment that sees the host's packages."""

import os
import re
import shutil
import subprocess

import pytest

from sandbox.build import environment
from sandbox.paths import BOOTSTRAP, DOWNLOADS, ROOT
from tests.support.programs import Programs

SOURCES = ('setup.py', 'MANIFEST.in', 'pyproject.toml', 'LICENSE', 'CHANGES.rst', 'README.rst',
           'web_longpolling_commands.py')
ADDONS = tuple(name for name in ('web_longpolling', 'web_longpolling_bus', 'web_longpolling_live')
               if (ROOT / name).is_dir())
# What is installed on each host, one after the other from one source.
WHEELS = {
    'openerp-7.0': dict.fromkeys(('web_longpolling', 'web_longpolling_live')),
    'odoo-19.0': {'web_longpolling': 'web_longpolling-1.0.0-py2.py3-none-any.whl',
                  'web_longpolling_bus': 'web_longpolling_bus-1.0.0-py3-none-any.whl',
                  'web_longpolling_live': 'web_longpolling_live-1.0.0-py2.py3-none-any.whl'},
}
OFFLINE = ('--no-deps', '--no-index', '--no-build-isolation', '--disable-pip-version-check')
NO_COMPILER = {'CC': 'false', 'CXX': 'false', 'PIP_NO_INPUT': '1'}


@pytest.fixture(scope='module')
def python(stack):
    """The Python of a new environment that sees the host's packages, as with ``--system-site-packages``."""
    folder = stack.folder.path / 'venv'
    if stack.host == 'openerp-7.0':
        run([BOOTSTRAP / 'bin' / 'python', '-m', 'virtualenv', '--python', stack.python, '--no-download',
             '--no-periodic-update', '--app-data', DOWNLOADS / 'virtualenv', folder])
    else:
        environment.make(folder, environment.interpreter(BOOTSTRAP))
    [packages] = folder.glob('lib/python*/site-packages')
    [hosts] = stack.python.parent.parent.glob('lib/python*/site-packages')
    # On Odoo the .pth files there do not count, one of which names Odoo's own source; on OpenERP zope needs them.
    (packages / 'host.pth').write_text(f'import site; site.addsitedir({str(hosts)!r})\n'
                                       if stack.host == 'openerp-7.0' else f'{hosts}\n')
    return folder / 'bin' / 'python'


@pytest.fixture(scope='module')
def installed(stack, python):
    """The site-packages with the addons: with Python 2.7 from the checkout, otherwise from their wheels."""
    source = stack.folder.path / 'source'
    source.mkdir()
    for name in SOURCES:        # a build writes into its source
        shutil.copy(ROOT / name, source)
    for name in ADDONS:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns('__pycache__', '*.pyc'))
    bootstrap = [BOOTSTRAP / 'bin' / 'python', '-m', 'pip']
    for addon, wheel in WHEELS[stack.host].items():
        if stack.host == 'openerp-7.0':
            run([python, '-m', 'pip', 'install', *OFFLINE, source], addon)
        else:
            run([*bootstrap, 'wheel', *OFFLINE, '-w', source / 'dist', source], addon)
            run([*bootstrap, '--python', python, 'install', *OFFLINE, source / 'dist' / wheel])
    [packages] = python.parent.parent.glob('lib/python*/site-packages')
    return packages


@pytest.fixture
def commands(stack, python):
    """Runs programs with the new environment's Python; a source checkout of Odoo is on PYTHONPATH, as without -e."""
    return Programs(stack, python, PYTHONPATH=str(stack.installation.addons[0].parent.parent)
                    if stack.host == 'odoo-19.0' else '')


def run(words, addon=''):
    environ = {**os.environ, **NO_COMPILER, 'LONGPOLLING_ADDON': addon}
    done = subprocess.run([str(word) for word in words], check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=environ, timeout=120)
    assert done.returncode == 0, done.stdout


def files(folder):
    """The names of all files of the addon in this folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob('*')
            if path.is_file() and path.suffix != '.pyc'}


def addons_paths(outcome):
    """The folders in which the host looks for addons, as its log has them."""
    [line] = re.findall('addons paths: (.*)', outcome.out + outcome.err)
    return [part.rpartition("['")[2].strip(" '])") for part in line.split(',')]


def test_every_file_of_the_addons_is_installed(installed, host):
    """Python, manifests, scripts and records: what the hosts need lies where they look; and nothing lies beside it."""
    place = installed / 'odoo' / 'addons'
    assert sorted(os.listdir(place)) == sorted(WHEELS[host])
    assert os.listdir(installed / 'odoo') == ['addons']
    for name in WHEELS[host]:
        assert files(place / name) == files(ROOT / name)


def test_what_it_needs_is_asked_for(installed):
    """We need to get python eggs: gevent, and what patches psycopg2 for gevent."""
    [metadata] = installed.glob('web_longpolling-1.0.0.*-info/METADATA')
    lines = metadata.read_text().splitlines()
    assert {'Name: web-longpolling', 'Name: web_longpolling'} & set(lines)
    assert 'License: AGPL-3.0-only' in lines
    needed = set(re.findall(r'^Requires-Dist: ([\w-]+)', metadata.read_text(), re.MULTILINE))
    assert {'gevent', 'psycogreen', 'werkzeug'} <= needed


def test_the_host_finds_it(installed, stack, commands, oe_config, second):
    """Odoo by itself, as it does wheels of the OCA; OpenERP 7.0 by one more folder on its addons_path, with no other
    module in it that it would take for an addon."""
    arguments = ['-d', second, '-u', 'web_longpolling', '--stop-after-init']
    if stack.host == 'odoo-19.0':
        command, config = stack.installation.server[-1], oe_config
    else:
        command = stack.python.parent / 'openerp-server'
        config = commands.config('installed', addons_path=','.join(
            [*map(str, stack.installation.addons), str(installed / 'odoo' / 'addons')]), db_name=None)
    outcome = commands.run(command, '-c', config, *arguments)
    assert outcome.status == 0, outcome.err
    said = outcome.out + outcome.err
    folders = addons_paths(outcome)
    assert str(installed / 'odoo' / 'addons') in folders and str(ROOT) not in folders
    assert not {str(installed), str(ROOT)} & set(folders)
    assert re.search(r'[Ll]oading (module )?web_longpolling|module web_longpolling: ', said), said
    # Of ours alone: another test may have left a module in the database that it has taken away again.
    assert not [line for line in said.splitlines() if 'web_longpolling' in line and re.search(
        'Ambiguous import|not installable|not loaded|invalid module names', line)]


def test_oe_runs_from_there(installed, commands, oe_config, second):
    """oe is a command that setup.py installs; the addon of its own folder is on the host's path."""
    outcome = commands.run(commands.python.parent / 'oe', '-c', oe_config, '-d', second, '-u', 'web_longpolling',
                           '--stop-after-init')
    assert outcome.status == 0, outcome.err
    folders = addons_paths(outcome)
    assert str(installed / 'odoo' / 'addons') in folders
    assert not {str(installed), str(ROOT)} & set(folders)
    assert 'Ambiguous import' not in outcome.out + outcome.err


def test_the_sidecar_runs_from_there(installed, stack, commands, oe_config, visitor):
    """longpolling-server is server.py: it serves the same routes."""
    with commands.serving('-c', oe_config, '-d', stack.db, '-p', commands.port(),
                          script=commands.python.parent / 'longpolling-server') as serving:
        assert visitor.poll('/public', url=serving.url).json() == {'has': []}
        failed = visitor.poll('/public', {'request': 1}, url=serving.url)
        assert failed.status_code == 400
