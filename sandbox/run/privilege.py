"""Giving up root: initdb and OpenERP 7.0 refuse to run as root.

When root, everything that serves runs as ``nobody``. A checkout (or a Python) under a folder that ``nobody``
cannot enter, such as ``/root``, stays readable through one ambient capability, CAP_DAC_READ_SEARCH: read and
search, never write. A container's root often has only CAP_DAC_OVERRIDE, which writes as well; it is the
second choice. Where ``nobody`` can enter, no capability is given at all.
"""
import os
import pwd
import shutil
import stat
import sys
from functools import cache
from pathlib import Path

from ..errors import SandboxError
from ..paths import BOOTSTRAP, ROOT

NOBODY = 65534   # Debian's nobody, kept by base-passwd
# What lets a process enter closed folders, best first, and its bit in /proc/self/status: capabilities(7).
ENTERING = ('dac_read_search', 2), ('dac_override', 1)


def unprivileged():
    """(uid, gid, name) of the user that serves: the caller, or ``nobody`` when the caller is root."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid(), name_of(os.geteuid())
    try:
        user = pwd.getpwnam('nobody')
    except KeyError:
        return NOBODY, NOBODY, 'nobody'
    return user.pw_uid, user.pw_gid, user.pw_name


def name_of(uid):
    """The user's name, or its number where the machine has no entry for it (containers)."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def drop(command):
    """`command`, a list of str, as an unprivileged user runs it: prefixed with setpriv when root.

    The process that results is `command` itself (setpriv execs), so signals and its id are those of the
    command. Raises SandboxError when setpriv or a needed right is missing.
    """
    command = [str(word) for word in command]
    if os.geteuid() != 0:
        return command
    return [*setpriv(), *command]


@cache
def setpriv():
    """The words before a command that make it run unprivileged."""
    tool = shutil.which('setpriv')
    if tool is None:
        raise SandboxError('setpriv is missing, so root cannot be given up: install the package util-linux, '
                           'or run the sandbox as an ordinary user.')
    uid, gid, _ = unprivileged()
    lent = lent_capabilities()
    capabilities = ','.join(['-all', *lent])
    # access(2) disregards the capabilities of a user other than root unless this bit is set, and PostgreSQL's
    # programs ask it whether they may run one another.
    bits = ['--securebits=+no_setuid_fixup'] if lent else []
    return [tool, f'--reuid={uid}', f'--regid={gid}', '--clear-groups', '--no-new-privs', *bits,
            f'--inh-caps={capabilities}', f'--ambient-caps={capabilities}', '--']


def lent_capabilities():
    """What is lent to reach the checkout and its Python: nothing, or one such as '+dac_read_search'."""
    python = (BOOTSTRAP / 'bin/python').resolve()   # what the environments are made of
    needed = ROOT, BOOTSTRAP, python.parent, Path(sys.base_prefix)
    closed = [path for path in needed if not enterable(path)]
    if not closed:
        return []
    owned = effective_capabilities()
    for name, bit in ENTERING:
        if owned >> bit & 1:
            return [f'+{name}']
    raise SandboxError(f'Other users cannot enter {closed[0]}, and this root has no capability to let them: '
                       'move the checkout to a folder that everyone can enter, use a Python from such a '
                       'folder, or run the sandbox as an ordinary user.')


def enterable(path):
    """Whether every user can enter `path` and the folders above it, as far as they exist."""
    path = path.resolve()
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents) if folder.exists())


def effective_capabilities():
    """This process's effective capabilities as a bit mask."""
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith('CapEff:'):
            return int(line.split()[1], 16)
    return 0


def give(path):
    """Make `path`, a file or a whole tree, the unprivileged user's own; nothing to do unless root."""
    if os.geteuid() != 0:
        return
    uid, gid, _ = unprivileged()
    os.lchown(path, uid, gid)
    for folder, names, files in os.walk(path):
        for name in names + files:
            os.lchown(os.path.join(folder, name), uid, gid)
