"""`python3 -m sandbox release` in a clone: what is to do, and that it leaves files only if nothing is."""

import re
import subprocess
import sys

import pytest

from sandbox.commands import release
from sandbox.errors import SandboxError
from sandbox.paths import ROOT

WHO = ('-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.com')


def git(clone, *words):
    return subprocess.run(['git', *WHO, *words], cwd=clone, check=True, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE).stdout


@pytest.fixture
def clone(tmp_path):
    """A repository with the files of this checkout, as they lie here, in one commit."""
    clone = tmp_path / 'clone'
    clone.mkdir()
    names = git(ROOT, 'ls-files', '--cached', '--others', '--exclude-standard', '-z')
    there = '\0'.join(name for name in names.split('\0') if name and (ROOT / name).exists())
    subprocess.run(['sh', '-c', f'tar -C "{ROOT}" --null -T - -cf - | tar -xf -'], cwd=clone, check=True, text=True,
                   input=there)
    git(clone, 'init', '-q')
    commit(clone)
    return clone


def commit(clone):
    git(clone, 'add', '-A')
    git(clone, 'commit', '-q', '--no-verify', '-m', 'As it is')


def dated(clone, date):
    """Write the date of the newest section of CHANGES.rst; returns its version."""
    path = clone / 'CHANGES.rst'
    text = path.read_text()
    version = release.SECTION.search(text).group(1)
    heading = f'{version} ({date})'
    path.write_text(release.SECTION.sub(f'{heading}\n{"-" * len(heading)}', text, count=1))
    return version


def said(capsys) -> dict[str, tuple[str, str]]:
    """{what was looked at: ("ok" or "to do", the sentence)}"""
    out = capsys.readouterr().out
    return {name: (verdict, sentence) for verdict, name, sentence in re.findall(r'^(ok|to do) +(\w+): (.*)', out,
                                                                               re.MULTILINE)}


def test_a_commit_with_a_dated_section_gives_a_source_distribution_and_a_wheel_of_each_addon(clone, capsys):
    version = dated(clone, '2026-12-31')
    commit(clone)
    assert release.release(keep=True, root=clone) == 0
    out = capsys.readouterr().out
    assert re.findall(r'^(ok|to do) +(\w+)', out, re.MULTILINE) == [
        ('ok', name) for name in ('tree', 'version', 'changes', 'build', 'pages', 'install')]
    assert f'git tag -a {version}' in out and f'twine upload {clone}/dist/*' in out
    assert sorted(path.name for path in (clone / 'dist').iterdir()) == [
        f'web_longpolling-{version}-py2.py3-none-any.whl', f'web_longpolling-{version}.tar.gz',
        f'web_longpolling_bus-{version}-py3-none-any.whl', f'web_longpolling_live-{version}-py2.py3-none-any.whl']
    assert git(clone, 'status', '--porcelain') == '' and git(clone, 'tag') == ''
    with pytest.raises(SandboxError, match='of an earlier release'):
        release.release(keep=True, root=clone)


def test_what_is_not_ready_is_named_and_nothing_is_left(clone, capsys):
    version = dated(clone, 'unreleased')
    manifest = clone / 'web_longpolling_bus' / '__manifest__.py'
    manifest.write_text(manifest.read_text().replace(f"'{version}'", "'0.9.9'"))
    (clone / 'MANIFEST.in').write_text((clone / 'MANIFEST.in').read_text() + 'global-exclude live.css\n')
    commit(clone)
    git(clone, 'tag', version)
    assert release.release(keep=True, root=clone) == 1
    found = said(capsys)
    assert found['tree'] == ('to do', f'there is a tag {version} already: raise the version in the manifests')
    assert found['version'] == (
        'to do', f'web_longpolling_bus/__manifest__.py has 0.9.9, but web_longpolling/__manifest__.py {version}')
    assert found['changes'] == ('to do', f'write the date into CHANGES.rst: {version} (unreleased)')
    assert found['build'] == ('to do', 'MANIFEST.in leaves out static/src/css/live.css of web_longpolling_live')
    assert 'install' not in found and not (clone / 'dist').exists()


def test_what_is_not_committed_is_named(clone):
    (clone / 'forgotten.txt').touch()
    (clone / 'setup.py').write_text('# changed')
    with pytest.raises(release.ToDo, match='^2 files are not as they are committed, such as "'):
        release.tree(clone)


def test_the_help_says_that_it_uploads_nothing():
    done = subprocess.run([sys.executable, '-m', 'sandbox', 'release', '--help'], cwd=ROOT, check=True, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    assert '--check' in done.stdout and 'it does neither itself' in ' '.join(done.stdout.split())
