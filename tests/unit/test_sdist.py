"""What PyPI would get: the source distribution, whose page must render."""

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


def test_the_documentation_is_in_it_with_its_pictures(sdist):
    with tarfile.open(sdist) as packed:
        names = {name.split('/', 1)[1] for name in packed.getnames() if '/' in name}
    for pattern in ('doc/**/*.rst', 'doc/*.py', 'doc/**/*.svg', 'doc/**/*.png', 'web_longpolling/static/**/*.png'):
        wanted = {path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern)}
        assert wanted and not wanted - names
