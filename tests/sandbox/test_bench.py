"""`python3 -m sandbox bench --quick` on the real hosts: every measurement works, whatever its figures are."""

import json
import subprocess
import sys

import pytest

from benchmarks.bench import ALONE, programs_on
from sandbox.paths import ROOT

# Seconds. It takes one or two minutes, and several times as long on a machine that others use.
LONGEST = 900
pytestmark = pytest.mark.timeout(LONGEST + 60)

# A run on OpenERP 7.0 measures everything; on Odoo 19.0, whose own tests take longest, what is different there.
CHOSEN = {'odoo-19.0': ['held', 'bus', 'discuss', 'herd'], 'openerp-7.0': [*ALONE, *programs_on('openerp-7.0')]}
PEERS = {'odoo-19.0': {'sidecar', 'sidecar through nginx', 'floor', 'nchan', "Odoo's bus"},
         'openerp-7.0': {'sidecar', 'sidecar through nginx', 'floor', 'nchan'}}


def bench(*words):
    """(exit status, standard output, standard error)."""
    done = subprocess.run([sys.executable, '-m', 'sandbox', 'bench', *map(str, words)], cwd=ROOT, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope='session')
def result(host, tmp_path_factory):
    """The folder of a quick run on a host, and what it printed."""
    folder = tmp_path_factory.mktemp(f'bench-{host}')
    only = [word for name in CHOSEN[host] for word in ('--only', name)] if host == 'odoo-19.0' else []
    status, out, err = bench('--quick', '--host', host, '--into', folder, *only)
    assert status == 0, f'{out}\n{err}'
    return folder, out, err


def test_every_program_measures_something_on_every_host(host, result):
    folder, _, err = result
    found = json.loads((folder / 'quick.json').read_text())
    assert sorted(one['program'] for one in found['rounds']) == sorted(CHOSEN[host])
    assert all(one['figures'] and one['failure'] is None for one in found['rounds'])
    assert f'{host}: herd, round 1 of 1' in err


def test_each_figure_stands_beside_a_floor_or_a_peer(host, result):
    folder, _, _ = result
    rounds = {one['program']: one for one in json.loads((folder / 'quick.json').read_text())['rounds']}
    assert {figure[0] for figure in rounds['held']['figures']} == PEERS[host]
    assert {'sidecar', 'host'} <= {figure[0] for figure in rounds['herd']['figures']}
    if 'discuss' in rounds:
        assert {figure[0] for figure in rounds['discuss']['figures']} == {'web_longpolling_bus', "Odoo's bus"}
        # Of Odoo's bus it is a figure how many it told; of the addon anything but all of them is a failure.
        told = {figure[0]: figure[3] for figure in rounds['discuss']['figures'] if figure[1].endswith(', told')}
        assert told == {"Odoo's bus": 100}
        most = {figure[0]: figure[3] for figure in rounds['discuss']['figures'] if figure[1] == 'held at most'}
        assert most == {'web_longpolling_bus': 150, "Odoo's bus": 150}


def test_there_are_a_table_and_pictures(host, result):
    folder, out, _ = result
    assert 'quick.json: the result' in out
    assert f', {host}' in (folder / 'quick.md').read_text()
    assert (folder / f'quick-held-{host}.svg').stat().st_size > 1000


def test_a_run_says_what_has_become_worse_than_in_another(host, result, tmp_path):
    """The herd of a run that was ten times as fast."""
    folder, _, _ = result
    old = json.loads((folder / 'quick.json').read_text())
    for one in old['rounds']:
        if one['program'] == 'herd':
            one['figures'] = [[*figure[:3], figure[3] / 100, figure[4]] for figure in one['figures']]
    (tmp_path / 'old.json').write_text(json.dumps(old))
    status, out, err = bench('--quick', '--host', host, '--only', 'herd', '--into', tmp_path, '--compare',
                             tmp_path / 'old.json')
    assert status == 0, err
    assert f'{host}, herd: sidecar, woken and read, last, 100: ' in out


def test_a_mistake_is_one_sentence(tmp_path):
    status, out, err = bench('--compare', tmp_path / 'nowhere.json')
    assert status == 2 and 'nowhere.json' in err and 'Traceback' not in err
    status, out, err = bench('--only', 'nothing')
    assert status == 2 and 'nothing' in err
