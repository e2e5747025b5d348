"""Programs that check what is shipped for an administrator, from Debian's packages, unpacked into private folders.

`systemd_analyze`, `promtool` and `logrotate` run one of them and return how it ended. They are Debian's own, so a check
is the same whether the machine has such a program or not, and it is never skipped.
"""
import os
import subprocess
from pathlib import Path

from .debian import Package, library_path, unpacked

SYSTEMD = ('systemd', 'libacl1', 'libapparmor1', 'libaudit1', 'libblkid1', 'libcap-ng0', 'libcap2', 'libcrypt1',
           'libcryptsetup12', 'libfdisk1', 'libgcrypt20', 'libgpg-error0', 'libip4tc2', 'libkmod2', 'liblz4-1',
           'liblzma5', 'libmount1', 'libp11-kit0', 'libpam0g', 'libpcre2-8-0', 'libseccomp2', 'libselinux1', 'libssl3',
           'libsystemd-shared', 'libsystemd0', 'libzstd1')
PROMETHEUS = ('prometheus',)
LOGROTATE = ('logrotate', 'libacl1', 'libpcre2-8-0', 'libpopt0', 'libselinux1')
# Of all of them: what is read by people only; of Prometheus: the server, its pages and its service.
UNREAD = ('./usr/share/doc', './usr/share/man', './usr/share/locale')
SERVER = ('./usr/bin/prometheus', './usr/share/prometheus', './etc', './lib/systemd')


def systemd_analyze(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze; it sees the units of its own package beside those that it is given."""
    root = unpacked('systemd', 'systemd (10 MB)', bookworm(SYSTEMD), UNREAD)
    libraries = [library_path(root), *(str(path) for path in sorted(root.glob('lib/*-linux-*/systemd'))),
                 *(str(path) for path in sorted(root.glob('usr/lib/*-linux-*/systemd')))]
    return run(root / 'usr/bin/systemd-analyze', *arguments, LD_LIBRARY_PATH=':'.join(libraries),
               SYSTEMD_UNIT_PATH=str(root / 'lib/systemd/system'), SYSTEMD_COLORS='0', SYSTEMD_PAGER='')


def promtool(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Prometheus' promtool."""
    root = unpacked('prometheus', 'promtool (25 MB)', bookworm(PROMETHEUS), (*UNREAD, *SERVER))
    return run(root / 'usr/bin/promtool', *arguments)


def logrotate(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run logrotate."""
    root = unpacked('logrotate', 'logrotate', bookworm(LOGROTATE), UNREAD)
    return run(root / 'usr/sbin/logrotate', *arguments, LD_LIBRARY_PATH=library_path(root))


def bookworm(names: tuple[str, ...]) -> tuple[Package, ...]:
    return tuple(Package(name, 'bookworm') for name in names)


def run(program: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """The program's status, and what it printed, both streams together in `stdout`."""
    return subprocess.run([str(program), *map(str, arguments)], check=False, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                          env={**os.environ, 'LC_ALL': 'C', **environment})
