"""Giving up root: initdb and OpenERP 7.0 refuse to run as root.

When root, everything that serves runs as ``nobody``. A checkout (or a Python) under a folder that ``nobody`` cannot
enter, such as ``/root``, stays readable through one ambient capability, CAP_DAC_READ_SEARCH: read and search, never
write. Where ``nobody`` can enter, no capability is given at all.
"""
import os
import pwd
import shutil
import stat
import sys
from functools import lru_cache
from pathlib import Path

from .places import ROOT
from .problems import SandboxError

CAP_DAC_READ_SEARCH = 2   # its bit in /proc/self/status, capabilities(7)
NOBODY = 65534            # Debian's nobody, kept by base-passwd


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
    """`command`, a list of str, so that it runs unprivileged: prefixed with setpriv when root, else unchanged.

    The process that results is `command` itself (setpriv execs), so signals and its id are those of the command.
    Raises SandboxError when setpriv or a needed right is missing.
    """
    command = [str(word) for word in command]
    if os.geteuid() != 0:
        return command
    return setpriv() + command


@lru_cache(maxsize=None)
def setpriv():
    """The words before a command that make it run unprivileged."""
    tool = shutil.which('setpriv')
    if tool is None:
        raise SandboxError('setpriv is missing, so root cannot be given up: install the package util-linux, '
                           'or run the sandbox as an ordinary user.')
    uid, gid, _ = unprivileged()
    capabilities = '-all'
    closed = next((path for path in (ROOT, Path(sys.base_prefix).resolve()) if not enterable(path)), None)
    if closed is not None:
        if not effective_capabilities() >> CAP_DAC_READ_SEARCH & 1:
            raise SandboxError('Other users cannot enter %s, and this root may not lend them CAP_DAC_READ_SEARCH: '
                               'move the checkout to a folder that everyone can enter, use a Python from such a '
                               'folder, or run the sandbox as an ordinary user.' % closed)
        capabilities = '-all,+dac_read_search'
    return [tool, '--reuid=%d' % uid, '--regid=%d' % gid, '--clear-groups', '--no-new-privs',
            '--inh-caps=' + capabilities, '--ambient-caps=' + capabilities, '--']


def enterable(path):
    """Whether every user can enter `path` and the folders above it."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


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
