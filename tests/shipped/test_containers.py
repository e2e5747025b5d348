"""etc/container: hadolint reads the Containerfile, a parser of the Compose Specification the compose file.

No container runs here. What nginx would be given is made by the very command of the compose file.
"""

import re
import subprocess
import sys
from pathlib import Path

import compose_spec
import pytest

from sandbox.paths import ROOT

FOLDER = ROOT / 'etc' / 'container'
COMPOSE = (FOLDER / 'compose.yaml').read_text()
HADOLINT = Path(sys.executable).with_name('hadolint')


@pytest.fixture(scope='module')
def services():
    return compose_spec.PyCompose.from_yaml(COMPOSE).to_dict()['services']


def test_hadolint_takes_the_containerfile_without_a_complaint():
    done = subprocess.run([HADOLINT, '--no-color', FOLDER / 'Containerfile'], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert (done.returncode, done.stdout) == (0, '')


def test_the_parser_refuses_what_is_no_compose_file():
    """So that reading it proves something."""
    with pytest.raises(Exception, match='restrat'):
        compose_spec.PyCompose.from_yaml(COMPOSE.replace('restart:', 'restrat:', 1))


def test_host_and_sidecar_have_the_same_image_database_and_sessions(services):
    host, sidecar = services['odoo'], services['longpolling']
    for key in ('image', 'environment', 'volumes'):
        assert host[key] == sidecar[key], key
    assert {'HOST', 'USER', 'PASSWORD'} <= set(sidecar['environment'])


def test_what_is_mounted_and_copied_is_there(services):
    mounted = re.findall(r'- (\.\./\S+?):', COMPOSE)
    assert mounted and all((FOLDER / path).exists() for path in mounted)
    assert (FOLDER / re.findall(r'context: (\S+)', COMPOSE)[0]).resolve() == ROOT
    assert (ROOT / re.findall(r'dockerfile: (\S+)', COMPOSE)[0]).exists()


def test_nginx_gets_the_configuration_of_the_checkout_with_the_names_of_the_services(services, tmp_path):
    *shell, command = services['nginx']['command']
    assert shell == ['sh', '-c']
    made = tmp_path / 'default.conf'
    command, found = re.subn(' && exec nginx .*', '', command)
    assert found == 1
    command = command.replace('/web_longpolling.conf', str(ROOT / 'nginx/web_longpolling.conf'), 1)
    command = command.replace('/etc/nginx/conf.d/default.conf', str(made))
    subprocess.run([*shell, command], check=True)
    upstreams = re.findall(r'^upstream (\w+) \{.*?^    server (\S+)', made.read_text(), re.MULTILINE | re.DOTALL)
    assert upstreams == [('longpolling_sidecar', 'longpolling:8068'), ('longpolling_host', 'odoo:8069'),
                         ('longpolling_host_bus', 'odoo:8069')]
    assert re.findall(r'^    server_name (\S+)', made.read_text(), re.MULTILINE) == ['_;']
    assert {'longpolling', 'odoo'} <= set(services)
