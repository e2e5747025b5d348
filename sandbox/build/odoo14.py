"""Odoo 14.0, for its bus of long polls, a peer of the benchmarks: Debian bullseye's package on its Python 3.9.

It is no part of `build`: `bench --odoo-14` asks for it. No page of its web client is ever opened, so the fonts and
scripts of other packages that it would show are left out.
"""
from ..paths import HOSTS
from . import bullseye, environment
from .debian import Package
from .model import Installation
from .odoo import COMMAND
from .steps import Step, marks, write

HOST = 'odoo-14.0'
FOLDER = HOSTS / HOST
ROOT, ENVIRONMENT = FOLDER / 'root', FOLDER / 'environment'
PYTHON = ROOT / 'usr/bin/python3.9'
UNPACKED = ROOT / 'usr/lib/python3/dist-packages'
GIGABYTES = 0.4   # downloads, what is unpacked, and byte code

PACKAGES = tuple(Package(name, 'bullseye') for name in (
    'odoo-14', 'libffi7', 'libmpdec3', 'libpython3.9-minimal', 'libpython3.9-stdlib', 'libssl1.1', 'python3-distutils',
    'python3-lib2to3', 'python3.9', 'python3.9-minimal'))
NEED_LIBRARIES = '_ctypes', '_decimal', '_hashlib', '_ssl'
# The translations are four fifths of the package.
LEAVE_OUT = '*.po', '*.pot', './etc', './lib', './usr/share'


def steps():
    """What installs it."""
    return [
        Step('packages', f'{HOST}: downloading (75 MB) and unpacking Debian packages', make_root,
             (PACKAGES, LEAVE_OUT)),
        Step('environment', f'{HOST}: installing Python packages (40 MB)', make_environment,
             (str(FOLDER), environment.pins('bootstrap'), environment.pins(HOST))),
        Step('bytecode', f'{HOST}: byte-compiling', compile_modules),
    ]


def make_root():
    """Odoo's modules, and Python 3.9 that finds its libraries and has its byte code."""
    bullseye.make_root(PACKAGES, ROOT, LEAVE_OUT, 'python3.9', NEED_LIBRARIES, HOST)


def make_environment():
    """The environment, with Odoo's modules on its path and Odoo's command in its `bin`."""
    bullseye.make_environment(ENVIRONMENT, PYTHON, HOST, 'pip-3.9')
    write(ENVIRONMENT / 'lib/python3.9/site-packages/odoo.pth', f'{UNPACKED}\n')
    write(ENVIRONMENT / 'bin/odoo', COMMAND)


def compile_modules():
    """The byte code of Odoo and its addons."""
    environment.compile_all(environment.interpreter(ENVIRONMENT), UNPACKED / 'odoo', HOST, '-j', '0')


def installation():
    """What was installed."""
    python = environment.interpreter(ENVIRONMENT)
    return Installation(HOST, python, (str(python), str(ENVIRONMENT / 'bin/odoo')), {}, (UNPACKED / 'odoo/addons',),
                        marks(steps())[-1])
