"""Odoo 19.0: the Debian package odoo-19 in a private root, on an environment of the machine's Python.

The package comes from sid. Forty-one files of its web client are symlinks to fonts and scripts of other
packages; those of bookworm fit (sid's Font Awesome does not), and are unpacked into the same root.

sid moves on, and one day has another Odoo: a user who has the source of Odoo 19.0 can give it instead.
"""
from pathlib import Path

from ..paths import HOSTS
from ..errors import SandboxError
from . import environment
from .debian import Package, unpack
from .model import Installation
from .steps import Step, marks, write

HOST = 'odoo-19.0'
FOLDER = HOSTS / HOST
GIVEN = FOLDER / 'given'   # the path of the user's own Odoo, if there is one
ROOT, ENVIRONMENT = FOLDER / 'root', FOLDER / 'environment'
UNPACKED = ROOT / 'usr/lib/python3/dist-packages'
GIGABYTES = 1.6   # downloads, what is unpacked, and byte code

ASSETS = ('fonts-font-awesome', 'fonts-inconsolata', 'fonts-ocr-b', 'fonts-roboto-unhinted', 'libjs-jquery',
          'libjs-jquery-form', 'libjs-underscore')
PACKAGES = (Package('odoo-19', 'sid', '19.0'), Package('fonts-montserrat', 'sid'),
            *(Package(name, 'bookworm') for name in ASSETS))
# Never read here, and most of the package; `addons`, beside `odoo`, repeats the Python files of odoo/addons.
LEAVE_OUT = ('*.po', '*.pot', './etc', './usr/share/doc', './usr/share/lintian',
             *(f'./usr/lib/python3/dist-packages/{name}' for name in ('addons', 'doc', 'setup')))
COMMAND = 'import odoo.cli\n\nodoo.cli.main()\n'


def take(directory):
    """Use the source of Odoo 19.0 in `directory`, the folder with `odoo/`, from now on; raises SandboxError."""
    directory = Path(directory).expanduser().resolve()
    try:
        release = (directory / 'odoo/release.py').read_text()
    except OSError:
        raise SandboxError(f'{directory} holds no Odoo: give the folder in which odoo/release.py lies.') from None
    if 'version_info = (19, 0,' not in release:
        raise SandboxError(f'The Odoo in {directory} is not 19.0: give the source of Odoo 19.0.')
    FOLDER.mkdir(parents=True, exist_ok=True)
    write(GIVEN, str(directory))


def modules():
    """The folder from which `odoo` is imported, and whether the user gave it."""
    try:
        return Path(GIVEN.read_text()), True
    except FileNotFoundError:
        return UNPACKED, False


def steps():
    """What installs it."""
    folder, given = modules()
    unpacking = Step('packages', f'{HOST}: downloading (140 MB) and unpacking Debian packages',
                     lambda: unpack(PACKAGES, ROOT, LEAVE_OUT), (PACKAGES, LEAVE_OUT))
    filling = Step('environment', f'{HOST}: installing Python packages', make_environment,
                   (str(FOLDER), str(folder), environment.identity(), environment.pins(HOST)))
    compiling = Step('bytecode', f'{HOST}: byte-compiling', compile_modules)
    # A folder of the user's is never written to.
    return [filling] if given else [unpacking, filling, compiling]


def make_environment():
    """The environment, with Odoo's modules on its path and Odoo's command in its `bin`."""
    environment.fill(ENVIRONMENT, HOST)
    folder, _ = modules()
    [packages] = ENVIRONMENT.glob('lib/python3*/site-packages')
    write(packages / 'odoo.pth', f'{folder}\n')
    write(ENVIRONMENT / 'bin/odoo', COMMAND)


def compile_modules():
    """The byte code of Odoo and its addons, made on all cores."""
    environment.compile_all(environment.interpreter(ENVIRONMENT), UNPACKED / 'odoo', HOST, '-j', '0')


def installation():
    """What was installed."""
    python = environment.interpreter(ENVIRONMENT)
    return Installation(HOST, python, (str(python), str(ENVIRONMENT / 'bin/odoo')), {}, addons(),
                        marks(steps())[-1])


def addons():
    """The addons directories: the package has all addons in one; the source has most in a second."""
    folder, _ = modules()
    if (folder / 'odoo/addons/web').is_dir():
        return (folder / 'odoo/addons',)
    return folder / 'odoo/addons', folder / 'addons'
