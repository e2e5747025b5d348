"""etc/systemd and etc/tmpfiles.d: what systemd itself says of them."""

import re

import pytest

from sandbox.build.programs import systemd_analyze
from sandbox.paths import ROOT

UNITS = ROOT / 'etc' / 'systemd'
# systemd's own measure, from 0 (safest) to 10; below 2.5 it says "OK".
MOST_EXPOSED = 2.0


def settings(unit: str, section: str) -> list[str]:
    """The lines of one section of a unit, without comments."""
    [text] = re.findall(rf'^\[{section}\]\n(.*?)(?=^\[|\Z)', (UNITS / unit).read_text(), re.MULTILINE | re.DOTALL)
    return [line for line in text.splitlines() if line and not line.startswith('#')]


@pytest.mark.parametrize('unit', ['longpolling.service', 'longpolling@.service', 'longpolling@8068.service'])
def test_systemd_takes_the_unit_without_a_complaint(unit, tmp_path):
    folder = tmp_path
    for path in UNITS.iterdir():
        (folder / path.name).write_text(path.read_text())
    done = systemd_analyze('verify', '--man=no', '--recursive-errors=no', folder / unit)
    assert (done.returncode, done.stdout) == (0, '')


def test_systemd_complains_of_a_unit_with_a_mistake(tmp_path):
    """So that the test above could fail."""
    unit = tmp_path / 'longpolling.service'
    unit.write_text((UNITS / 'longpolling.service').read_text().replace('Restart=on-failure', 'Restart=sometimes'))
    assert 'sometimes' in systemd_analyze('verify', '--man=no', '--recursive-errors=no', unit).stdout


@pytest.mark.parametrize('unit', ['longpolling.service', 'longpolling@.service'])
def test_the_unit_is_hardened(unit):
    done = systemd_analyze('security', '--offline=true', f'--threshold={MOST_EXPOSED * 10:.0f}', '--no-pager',
                           UNITS / unit)
    [exposure] = re.findall(r'Overall exposure level for \S+: ([\d.]+)', done.stdout)
    assert done.returncode == 0 and float(exposure) <= MOST_EXPOSED, done.stdout


def test_the_template_differs_from_the_unit_in_its_port_alone():
    one, template = settings('longpolling.service', 'Service'), settings('longpolling@.service', 'Service')
    assert [line.replace(' -p %i', '') for line in template] == one
    assert sum(' -p %i' in line for line in template) == 1
    assert settings('longpolling@.service', 'Install') == settings('longpolling.service', 'Install')


def test_the_folders_are_those_that_systemd_tmpfiles_knows():
    """Each line: a type, a path, and for a folder its mode, user, group and age."""
    lines = [line for line in (ROOT / 'etc/tmpfiles.d/longpolling.conf').read_text().splitlines()
             if line and not line.startswith('#')]
    assert [line.split() for line in lines] == [
        ['d', '/run/longpolling', '0750', 'odoo', 'www-data', '-'], ['x', '/tmp/oe-sessions-*']]     # noqa: S108
