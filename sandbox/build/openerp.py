"""OpenERP 7.0: source packages from PyPI on the Python 2.7 of Debian bullseye."""
from ..paths import HOSTS
from . import bullseye, environment
from .debian import Package
from .model import Installation
from .steps import Step, marks

HOST = 'openerp-7.0'
FOLDER = HOSTS / HOST
ROOT, ENVIRONMENT = FOLDER / 'root', FOLDER / 'environment'
PYTHON = ROOT / 'usr/bin/python2.7'
GIGABYTES = 0.6   # downloads, what is unpacked, and byte code

PACKAGES = tuple(Package(name, 'bullseye') for name in (
    'libffi7', 'libpython2.7-minimal', 'libpython2.7-stdlib', 'libssl1.1', 'python2.7', 'python2.7-minimal'))
LEAVE_OUT = tuple(f'./usr/share/{name}' for name in ('applications', 'doc', 'lintian', 'man', 'pixmaps'))
NEED_LIBRARIES = '_ctypes', '_hashlib', '_ssl'


def steps():
    """What installs it."""
    return [
        Step('packages', f'{HOST}: downloading and unpacking Python 2.7', make_root, (PACKAGES, LEAVE_OUT)),
        Step('environment', f'{HOST}: installing Python packages (50 MB)', make_environment,
             (str(FOLDER), environment.pins('bootstrap'), environment.pins(HOST))),
        Step('bytecode', f'{HOST}: byte-compiling', compile_resources),
    ]


def make_root():
    """Python 2.7 that finds its libraries and has its byte code."""
    bullseye.make_root(PACKAGES, ROOT, LEAVE_OUT, 'python2.7', NEED_LIBRARIES, HOST)


def make_environment():
    """The environment with OpenERP in it."""
    bullseye.make_environment(ENVIRONMENT, PYTHON, HOST, 'pip-2.7')


def compile_resources():
    """The byte code of pkg_resources, which OpenERP imports: virtualenv unpacks it without."""
    environment.compile_all(environment.interpreter(ENVIRONMENT),
                            ENVIRONMENT / 'lib/python2.7/site-packages/pkg_resources', HOST)


def installation():
    """What was installed."""
    python = environment.interpreter(ENVIRONMENT)
    packages = ENVIRONMENT / 'lib/python2.7/site-packages'
    return Installation(HOST, python, (str(python), str(ENVIRONMENT / 'bin/openerp-server')), {},
                        (packages / 'openerp/addons',), marks(steps())[-1])
