"""etc/logrotate.d: logrotate itself reads it, and rotates by it."""

import getpass
import grp
import os

import pytest

from sandbox.build.programs import logrotate
from sandbox.paths import ROOT

SHIPPED = (ROOT / 'etc/logrotate.d/longpolling').read_text()


@pytest.fixture
def configuration(tmp_path):
    """The file, set for this user and a folder of the test's own; `systemctl` is a command that says it was called."""
    logs = tmp_path / 'logs'
    logs.mkdir(mode=0o750)
    text = SHIPPED.replace('/var/log/odoo/', f'{logs}/')
    text = text.replace('su odoo odoo', f'su {getpass.getuser()} {grp.getgrgid(os.getgid()).gr_name}')
    text = text.replace('systemctl kill', f'echo >>{tmp_path}/called kill')
    path = tmp_path / 'longpolling.conf'
    path.write_text(text)
    path.chmod(0o644)
    return path


def test_logrotate_reads_it_without_a_complaint(configuration, tmp_path):
    (tmp_path / 'logs/longpolling.log').write_text('a line\n')
    done = logrotate('-d', '-s', tmp_path / 'status', configuration)
    assert done.returncode == 0
    assert 'error' not in done.stdout
    assert 'considering log' in done.stdout


def test_each_log_is_rotated_and_the_sidecars_are_told_once(configuration, tmp_path):
    logs = tmp_path / 'logs'
    for name in ('longpolling.log', 'longpolling-8068.log', 'odoo-server.log'):
        (logs / name).write_text('a line\n')
    done = logrotate('-f', '-s', tmp_path / 'status', configuration)
    assert done.returncode == 0, done.stdout
    assert sorted(path.name for path in logs.iterdir()) == [
        'longpolling-8068.log.1', 'longpolling.log.1', 'odoo-server.log']
    called = (tmp_path / 'called').read_text()
    assert called == 'kill --kill-whom=main --signal=HUP longpolling.service longpolling@*.service\n'
