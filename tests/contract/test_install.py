"""pip install: the addon with all its files, and its commands, from a Python's own site-packages."""

import os
import re
import shutil
import subprocess

import pytest

from sandbox.paths import BOOTSTRAP, ROOT

SOURCES = ('setup.py', 'MANIFEST.in', 'pyproject.toml', 'LICENSE', 'CHANGES.rst', 'README.rst', 'web_longpolling')
OFFLINE = ('--no-deps', '--no-index', '--no-build-isolation', '--disable-pip-version-check')
NO_COMPILER = {'CC': 'false', 'CXX': 'false', 'PIP_NO_INPUT': '1'}


@pytest.fixture(scope='module')
def installed(stack):
    """Where `pip install` has put the addon: with Python 2.7 from the checkout, otherwise from its wheel."""
    source, target = stack.folder.path / 'source', stack.folder.path / 'installed'
    source.mkdir()
    for name in SOURCES:        # a build writes into its source
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns('__pycache__', '*.pyc'))
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, source)
    bootstrap = [BOOTSTRAP / 'bin' / 'python', '-m', 'pip']
    if stack.host == 'openerp-7.0':
        run([stack.python, '-m', 'pip', 'install', *OFFLINE, '--target', target, source])
    else:
        run([*bootstrap, 'wheel', *OFFLINE, '-w', source / 'dist', source])
        [wheel] = (source / 'dist').glob('*.whl')
        assert wheel.name == 'web_longpolling-1.0.0-py2.py3-none-any.whl'
        run([*bootstrap, '--python', stack.python, 'install', *OFFLINE, '--target', target, wheel])
    return target


def run(words):
    done = subprocess.run([str(word) for word in words], check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env={**os.environ, **NO_COMPILER}, timeout=120)
    assert done.returncode == 0, done.stdout


def files(folder):
    """The names of all files of the addon in this folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob('*')
            if path.is_file() and path.suffix != '.pyc'}


def test_every_file_of_the_addon_is_installed(installed):
    """Python, manifests, scripts and records: what the hosts need lies where the Python looks."""
    assert files(installed / 'web_longpolling') == files(ROOT / 'web_longpolling')


def test_what_it_needs_is_asked_for(installed):
    """We need to get python eggs: gevent, and what patches psycopg2 for gevent."""
    [metadata] = installed.glob('web_longpolling-1.0.0.*-info/METADATA')
    lines = metadata.read_text().splitlines()
    assert {'Name: web-longpolling', 'Name: web_longpolling'} & set(lines)
    assert 'License: AGPL-3' in lines
    needed = set(re.findall(r'^Requires-Dist: ([\w-]+)', metadata.read_text(), re.MULTILINE))
    assert {'gevent', 'psycogreen', 'werkzeug'} <= needed


def test_oe_runs_from_there(installed, programs, oe_config, second):
    """oe is a command that setup.py installs; the addon of its own folder is on the host's path."""
    outcome = programs.run(installed / 'bin' / 'oe', '-c', oe_config, '-d', second, '-u', 'web_longpolling',
                           '--stop-after-init', PYTHONPATH=str(installed))
    assert outcome.status == 0, outcome.err
    [line] = re.findall('addons paths: (.*)', outcome.out + outcome.err)
    folders = [part.rpartition("['")[2].strip(" '])") for part in line.split(',')]
    assert str(installed) in folders and str(ROOT) not in folders


def test_the_sidecar_runs_from_there(installed, stack, programs, oe_config, visitor):
    """longpolling-server is server.py: it serves the same routes."""
    with programs.serving('-c', oe_config, '-d', stack.db, '-p', programs.port(), PYTHONPATH=str(installed),
                          script=installed / 'bin' / 'longpolling-server') as serving:
        assert visitor.poll('/public', url=serving.url).json() == {'has': []}
        failed = visitor.poll('/public', {'request': 1}, url=serving.url)
        assert failed.status_code == 400
