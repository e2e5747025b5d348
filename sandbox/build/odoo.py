"""Odoo 19.0: the Debian package odoo-19 in a private root, on an environment of the machine's Python.

The package comes from sid. Forty-one files of its web client are symlinks to fonts and scripts of other
packages; those of bookworm fit (sid's Font Awesome does not), and are unpacked into the same root.
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
GIGABYTES = 1.6   # downloads, what is unpacked, and byte code

ASSETS = ('fonts-font-awesome', 'fonts-inconsolata', 'fonts-ocr-b', 'fonts-roboto-unhinted', 'libjs-jquery',
          'libjs-jquery-form', 'libjs-underscore')
PACKAGES = (Package('odoo-19', 'sid', '19.0'), Package('fonts-montserrat', 'sid'),
            *(Package(name, 'bookworm') for name in ASSETS))
LEAVE_OUT = '*.po', '*.pot', './usr/share/doc', './usr/share/lintian', './etc'   # never read here; 700 MB


def steps():
    """What installs it."""
    return [
        Step('packages', f'{HOST}: downloading (140 MB) and unpacking Debian packages',
             lambda: unpack(PACKAGES, ROOT, LEAVE_OUT), (PACKAGES, LEAVE_OUT)),
        Step('environment', f'{HOST}: installing Python packages', make_environment,
             (str(FOLDER), environment.identity(), environment.pins(HOST))),
        Step('bytecode', f'{HOST}: byte-compiling', compile_modules),
    ]


def make_environment():
    """The environment, with Odoo's modules on its path."""
    environment.fill(ENVIRONMENT, HOST)
    [packages] = ENVIRONMENT.glob('lib/python3*/site-packages')
    write(packages / 'odoo.pth', f'{MODULES}\n')


def compile_modules():
    """The byte code of Odoo and its addons, made on all cores."""
    environment.compile_all(environment.interpreter(ENVIRONMENT), MODULES / 'odoo', HOST, '-j', '0')


def installation():
    """What was installed."""
    python = environment.interpreter(ENVIRONMENT)
    return Installation(HOST, python, (str(python), str(ROOT / 'usr/bin/odoo')), {},
                        (MODULES / 'odoo/addons',), marks(steps())[-1])
