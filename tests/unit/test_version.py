"""The version stands in one manifest; what can't read it there must agree with it: see sandbox/commands/release.py."""

import re
import subprocess

from sandbox.commands import release
from sandbox.paths import BOOTSTRAP, ROOT

VERSION = release.version(ROOT)


def test_the_version_is_three_numbers():
    assert re.fullmatch(r'\d+\.\d+\.\d+', VERSION)


def test_all_manifests_have_the_same_version():
    assert release.versions(ROOT) == f'{VERSION} in 5 manifests'


def test_setup_and_the_documentation_read_it():
    # The environment that has setuptools.
    said = subprocess.run([BOOTSTRAP / 'bin' / 'python', 'setup.py', '--version'], cwd=ROOT, check=True, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    namespace = {'__file__': str(ROOT / 'doc' / 'conf.py')}
    exec((ROOT / 'doc' / 'conf.py').read_text(), namespace)     # noqa: S102
    assert namespace['release'] == said.stdout.split()[-1] == VERSION


def test_the_newest_section_of_the_changes_is_this_version():
    [newest, *older] = re.findall(r'^(\d+\.\d+\.\d+) \((unreleased|\d{4}-\d\d-\d\d)\)\n-+$',
                                  (ROOT / 'CHANGES.rst').read_text(), re.MULTILINE)
    assert newest[0] == VERSION
    assert all(date != 'unreleased' for _, date in older)
