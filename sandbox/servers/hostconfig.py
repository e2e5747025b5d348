"""The configuration file of a run's host, which its sidecar reads as well.

OpenERP 7.0 and Odoo 19.0 name a few settings differently; everything that differs stands in this file.
"""

from dataclasses import dataclass
from pathlib import Path

from ..errors import SandboxError

DATABASE = 'sandbox'
LOGIN = PASSWORD = 'admin'          # of a new database, on both hosts
MASTER_PASSWORD = 'sandbox-master'  # for the database manager

# Installed in the lower layer of the template, so that the modules on top of it need seconds.
BASE_MODULES = ('web',)


@dataclass(frozen=True)
class Traits:
    """What differs between the hosts' own commands and configuration files."""

    manifest: str                   # the file that makes a folder an addon
    creates_database: bool          # whether -d makes a database that does not exist
    port_key: str
    interface_key: str
    fixed: dict[str, str]           # settings that this host alone needs
    ready_path: str                 # answered with 200 or 303 as soon as the host can log people in


TRAITS = {
    'openerp-7.0': Traits(
        manifest='__openerp__.py',
        creates_database=False,
        port_key='xmlrpc_port',
        interface_key='xmlrpc_interface',
        fixed={'xmlrpcs': 'False', 'netrpc': 'False', 'without_demo': 'all'},
        ready_path='/',
    ),
    'odoo-19.0': Traits(
        manifest='__manifest__.py',
        creates_database=True,
        port_key='http_port',
        interface_key='http_interface',
        fixed={'with_demo': 'False', 'workers': '0'},
        ready_path='/web/login',
    ),
}


def parse_options(words: list[str]) -> dict[str, str]:
    """`KEY=VALUE` words of `--option` as a mapping; a later one wins."""
    options = {}
    for word in words:
        key, equals, value = word.partition('=')
        key = key.strip()
        if not equals or not key or '\n' in word or key[0] in '[#;':
            raise SandboxError(f'--option {word!r} is not of the form KEY=VALUE, for example '
                               '--option longpolling_timeout=30.')
        options[key] = value.strip()
    return options


def configuration(host: str, *, database: str, db_port: int, db_user: str, db_password: str, port: int,
                  addons: list[Path], data: Path, options: dict[str, str]) -> str:
    """The text of the configuration file; `options` win over what the sandbox sets."""
    traits = TRAITS[host]
    for folder in addons:
        if ',' in str(folder):
            raise SandboxError(f'The hosts separate the folders of addons_path by commas, and "{folder}" has one in '
                               'its name: rename or move the folder.')
    settings = {
        'addons_path': ','.join(str(folder) for folder in addons),
        'data_dir': str(data),
        'admin_passwd': MASTER_PASSWORD,
        'db_host': '127.0.0.1',
        'db_port': str(db_port),
        'db_user': db_user,
        'db_password': db_password,
        'db_name': database,
        'list_db': 'True',
        traits.interface_key: '127.0.0.1',
        traits.port_key: str(port),
        # Requests come through nginx, which sets the forwarded headers.
        'proxy_mode': 'True',
        # No scheduled action changes a database under a test; --option max_cron_threads=1 lets them run.
        'max_cron_threads': '0',
        **traits.fixed,
        **options,
    }
    return '[options]\n' + ''.join(f'{key} = {value}\n' for key, value in settings.items())
