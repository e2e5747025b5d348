"""What PyPI would get: the source distribution, with everything in it, whose page must render."""

import re
import subprocess
import sys
import tarfile

import pytest

from sandbox.paths import BOOTSTRAP, ROOT


@pytest.fixture(scope='module')
def sdist(tmp_path_factory):
    """The built source distribution."""
    folder = tmp_path_factory.mktemp('dist')
    # The environment that has setuptools.
    subprocess.run([BOOTSTRAP / 'bin' / 'python', 'setup.py', '-q', 'egg_info', '--egg-base', folder, 'sdist',
                    '--formats=gztar', '--dist-dir', folder], cwd=ROOT, check=True, stdin=subprocess.DEVNULL,
                   capture_output=True)
    [built] = folder.glob('*.tar.gz')
    return built


def test_the_page_on_pypi_renders(sdist):
    done = subprocess.run([sys.executable, '-m', 'twine', 'check', '--strict', sdist], check=False, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr


# About the repository and its checks elsewhere, not about the project.
NOT_SHIPPED = re.compile(r'\.(ci|github|dockerignore|editorconfig|gitignore)(/|$)')
# What is written into the folder of a checkout, or of an unpacked source distribution.
WRITTEN = re.compile(r'\.(sandbox|pytest_cache|ruff_cache|hypothesis)/|(build|dist|[\w.]+\.egg-info)/|PKG-INFO$|'
                     r'setup\.cfg$|.*__pycache__/|benchmarks/results/quick')


def checked_in() -> set[str]:
    """The files of the project; where there is no git, those of the source distribution that this is."""
    if (ROOT / '.git').exists():
        listed = subprocess.run(['git', 'ls-files', '-z'], cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE)
        names = set(listed.stdout.split('\0')) - {''}
    else:
        names = {path.relative_to(ROOT).as_posix() for path in ROOT.rglob('*') if path.is_file()}
    # A file that is deleted and not committed yet is nothing that could be packed.
    return {name for name in names if not WRITTEN.match(name) and (ROOT / name).exists()}


def test_every_file_that_is_checked_in_is_in_it(sdist):
    """So that what was unpacked elsewhere can be read, tested and built."""
    with tarfile.open(sdist) as packed:
        names = {member.name.split('/', 1)[1] for member in packed if member.isfile()}
    wanted = {name for name in checked_in() if not NOT_SHIPPED.match(name)}
    assert len(wanted) > 400 and sorted(wanted - names) == []
    assert [name for name in names if NOT_SHIPPED.match(name) or '__pycache__' in name] == []


def test_no_link_of_the_page_leads_into_a_checkout_that_is_not_there(sdist):
    with tarfile.open(sdist) as packed:
        [member] = [member for member in packed if member.name.count('/') == 1 and member.name.endswith('/PKG-INFO')]
        page = packed.extractfile(member).read().decode()
    assert 'the tutorial (``doc/tutorial/index.rst``)' in page or 'the tutorial <https://' in page
    assert re.findall(r'<(?!https?:|mailto:)[\w./-]+>`_', page) == []
