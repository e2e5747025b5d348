"""Odoo 19.0: the Debian package odoo-19 in a private root, on an environment of the machine's Python.

The package comes from sid. Forty-one files of its web client are symlinks to fonts and scripts of other packages;
those of bookworm fit (sid's Font Awesome does not), and are unpacked into the same root.
"""
from ..places import HOSTS
from . import environment
from .debian import Package, unpack
from .model import Installation
from .steps import Step, marks, write

HOST = 'odoo-19.0'
FOLDER = HOSTS / HOST
ROOT, ENVIRONMENT = FOLDER / 'root', FOLDER / 'environment'
MODULES = ROOT / 'usr/lib/python3/dist-packages'
GIGABYTES = 2.2   # downloads, what is unpacked, and byte code

PACKAGES = (
    Package('odoo-19', 'sid', '19.0'),
    Package('fonts-montserrat', 'sid'),
    *(Package(name, 'bookworm') for name in (
        'fonts-font-awesome', 'fonts-inconsolata', 'fonts-ocr-b', 'fonts-roboto-unhinted', 'libjs-jquery',
        'libjs-jquery-form', 'libjs-underscore')),
)
LEAVE_OUT = '*.po', '*.pot', './usr/share/doc', './usr/share/lintian', './etc'   # a third of the disk, never read


def steps():
    """What installs it."""
    return [
        Step('packages', HOST + ': downloading and unpacking Debian packages (125 MB)',
             lambda: unpack(PACKAGES, ROOT, LEAVE_OUT), (PACKAGES, LEAVE_OUT)),
        Step('environment', HOST + ': installing Python packages', make_environment,
             (str(FOLDER), environment.identity(), environment.pins(HOST))),
        Step('bytecode', HOST + ': compiling', compile_modules),
    ]


def make_environment():
    """The environment, with Odoo's modules on its path."""
    environment.fill(ENVIRONMENT, HOST)
    [packages] = ENVIRONMENT.glob('lib/python3*/site-packages')
    write(packages / 'odoo.pth', '%s\n' % MODULES)


def compile_modules():
    environment.compile_all(environment.interpreter(ENVIRONMENT), MODULES / 'odoo', HOST)


def installation():
    """What was installed."""
    python = environment.interpreter(ENVIRONMENT)
    return Installation(HOST, python, (str(python), str(ROOT / 'usr/bin/odoo')), {}, (MODULES / 'odoo/addons',),
                        marks(steps())[-1])
