"""Packages of any Debian suite, verified by apt, in a private folder: nothing is installed in the system.

apt gets a root of its own (lists, cache, sources) through a configuration file, and checks the signature of
the suite and the hash of each package as it always does. The mirror is the one that the machine itself uses.
"""
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..paths import DOWNLOADS, SANDBOX
from ..errors import SandboxError
from .command import need, run
from .lock import building
from .steps import Step, carry_out, complete, remove

# What distinguishes Debian's mirrors from other registries of the machine.
SUITES = ('sid', 'unstable', 'testing', 'stable', 'oldstable', 'oldoldstable',
          'bullseye', 'bookworm', 'trixie', 'forky', 'duke')
# Debian moves the keys of suites that it no longer supports from the first file to the second.
KEYRINGS = (Path('/usr/share/keyrings/debian-archive-keyring.gpg'),
            Path('/usr/share/keyrings/debian-archive-removed-keys.gpg'))
CONFIGURATION = '''\
Dir::Etc::SourceList "{root}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State::Lists "{root}/lists";
// What is installed is nothing to the suite: apt would look for that version there.
Dir::State::status "{root}/status";
Dir::Cache "{root}/cache";
Acquire::Languages "none";
Acquire::Retries "3";
// root downloads as root: the user _apt may not enter a checkout under /root.
APT::Sandbox::User "root";
// What the machine does around its own updates is not for a private root.
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
'''


@dataclass(frozen=True)
class Package:
    """A package of a suite, and the oldest version that will do ('' for any)."""

    name: str
    suite: str
    oldest: str = ''


def unpacked(program, title, packages, leave_out=()):
    """The root in which the Debian packages of a program of the tests lie, unpacked unless they are there already.

    program: the folder's name in .sandbox; title: what the user reads, such as 'Apache (7 MB)'. Raises SandboxError.
    """
    folder = SANDBOX / program
    root = folder / 'root'
    steps = [Step('packages', f'Downloading and unpacking {title}', lambda: unpack(packages, root, leave_out),
                  (packages, leave_out))]
    if not complete(folder, steps):
        with building():
            carry_out(folder, steps)
    return root


def library_path(root):
    """The folders of an unpacked root that hold its libraries, as LD_LIBRARY_PATH."""
    return ':'.join(str(path) for pattern in ('usr/lib/*-linux-*', 'lib/*-linux-*') for path in sorted(root.glob(pattern)))


def unpack(packages, root, leave_out=()):
    """Unpack `packages` into the folder `root`, which appears when it is complete.

    leave_out: patterns of files that are not unpacked, as of ``tar --exclude``.
    """
    partial = root.with_name(f'{root.name}.partial')
    remove(partial)
    partial.mkdir(parents=True)
    for archive in fetch(packages):
        extract(archive, partial, [f'--exclude={pattern}' for pattern in leave_out])
    remove(root)
    os.replace(partial, root)


def extract(archive, folder, excluded):
    """Unpack one package's files into `folder`."""
    with subprocess.Popen([need('dpkg-deb', 'dpkg'), '--fsys-tarfile', archive],
                          stdout=subprocess.PIPE, close_fds=False) as files:
        unpacked = subprocess.run([need('tar', 'tar'), '-x', '--no-same-owner', '-C', folder, *excluded],
                                  stdin=files.stdout, stderr=subprocess.PIPE, text=True, check=False,
                                  close_fds=False)
    if files.returncode or unpacked.returncode:
        archive.unlink(missing_ok=True)   # so that the next try downloads it again
        reason = (unpacked.stderr.strip() or 'the archive is damaged').splitlines()[-1]
        raise SandboxError(f'Unpacking {archive.name} failed: {reason}; start again.')


def fetch(packages):
    """The downloaded archives of `packages`, in order; what is there already is not downloaded again."""
    for suite in sorted({package.suite for package in packages}):
        missing = [package for package in packages if package.suite == suite and not kept(package).exists()]
        if missing:
            download(missing, PrivateRoot(suite))
    return [kept(package) for package in packages]


def kept(package):
    """Where the archive of `package` stays; apt has verified what is there."""
    return DOWNLOADS / 'debian' / package.suite / f'{package.name}.deb'


def download(packages, apt):
    """Download `packages`, all of one suite, having looked whether the suite has them."""
    apt.update()
    names = [package.name for package in packages]
    versions = apt.versions(names)
    for package in packages:
        check(package, versions.get(package.name), apt)
    partial = apt.root / 'partial'
    remove(partial)
    partial.mkdir()
    apt.get('download', *names, purpose=f'Downloading {", ".join(names)}', folder=partial)
    for package in packages:
        [archive] = partial.glob(f'{package.name}_*.deb')
        os.replace(archive, kept(package))
    for folder in ('lists', 'cache', 'partial'):   # a hundred megabytes that only another download needs
        remove(apt.root / folder)


def check(package, version, apt):
    """Raise SandboxError unless the suite's `version` (None: it has none) will do."""
    if version is None:
        raise SandboxError(f'Debian {package.suite} has no package {package.name} on the mirror that this '
                           f'machine uses ({apt.mirror}): point apt at a mirror that still has it.')
    if package.oldest and older(version, package.oldest):
        raise SandboxError(f'Debian {package.suite} has {package.name} {version} on the mirror that this '
                           f'machine uses ({apt.mirror}), and {package.oldest} or newer is needed: point '
                           'apt at a mirror that is up to date.')


def older(version, other):
    """Whether `version` is older than `other`, by Debian's rules."""
    compared = subprocess.run([need('dpkg', 'dpkg'), '--compare-versions', version, 'lt', other], check=False)
    return compared.returncode == 0


class PrivateRoot:
    """apt with lists and a cache of its own, for one suite."""

    def __init__(self, suite):
        self.suite = suite
        self.root = DOWNLOADS / 'debian' / suite
        self.mirror, _ = machine_mirror()
        for folder in ('lists/partial', 'cache/archives/partial'):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        keyrings = ','.join(str(path) for path in KEYRINGS if path.exists())
        if not keyrings:
            raise SandboxError(f'{KEYRINGS[0]} is missing, so packages cannot be verified: install the '
                               'package debian-archive-keyring.')
        (self.root / 'sources.list').write_text(f'deb [signed-by={keyrings}] {self.mirror} {suite} main\n')
        (self.root / 'status').touch()
        self.configuration = self.root / 'apt.conf'
        self.configuration.write_text(CONFIGURATION.format(root=self.root))

    def update(self):
        """Fetch the suite's list of packages and verify its signature."""
        # --error-on=any: an unreachable mirror is only a warning otherwise.
        self.get('update', '--error-on=any', purpose=f'Reading the list of packages of Debian {self.suite}')

    def get(self, *words, purpose, folder=None):
        """Run apt-get."""
        run([need('apt-get', 'apt'), '-q', '-c', self.configuration, *words], f'apt-{self.suite}', purpose,
            environment=plain_english(), folder=folder)

    def versions(self, names):
        """{name: version} of those of `names` that the suite has."""
        command = [need('apt-cache', 'apt'), '-c', self.configuration, 'show', '--no-all-versions', *names]
        # A status other than 0 is no failure: it says that one of the names is unknown.
        said = subprocess.run(command, capture_output=True, text=True, env=plain_english(), check=False).stdout
        return dict(re.findall(r'^Package: (\S+)$.*?^Version: (\S+)$', said, re.MULTILINE | re.DOTALL))


def plain_english():
    """The environment of apt, whose words are quoted and searched."""
    return {**os.environ, 'LC_ALL': 'C'}


def machine_mirror():
    """(address, suite) of the Debian mirror in the machine's own apt configuration.

    ``apt-get indextargets`` knows it only after an update, which a fresh machine has not had; what an update
    would fetch is always known.
    """
    said = subprocess.run([need('apt-get', 'apt'), '--print-uris', 'update'],
                          capture_output=True, text=True, check=False).stdout
    for address, suite in re.findall(r"^'(\S+?)/dists/([^/\s]+)/(?:In)?Release", said, re.MULTILINE):
        if suite in SUITES and 'debian' in address:
            return address, suite
    raise SandboxError('The apt configuration of this machine names no Debian mirror, and the hosts are '
                       'made of Debian packages: add one (and the package debian-archive-keyring) and '
                       'start again.')
