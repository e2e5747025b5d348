"""`release`: whether the checkout is ready to be released, and the files to upload. It uploads nothing itself.

    tree        everything is committed, and the version has no tag yet
    version     the manifests of all addons have the same one, on both hosts
    changes     the newest section of CHANGES.rst is that version's, with its date
    build       the source distribution of what is committed, and from it a wheel of each addon
    pages       twine check --strict: what PyPI shows of each
    install     the wheels in a new environment, each with all its files; the sidecar's command runs

A line for each, on standard output: "ok", or what to do. Files are left only if all is well.
"""

import ast
import re
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from ..build import build_tools, environment
from ..build.steps import remove
from ..errors import SandboxError
from ..paths import BOOTSTRAP, ROOT
from ..progress import step

FIRST = 'web_longpolling'       # the addon whose version counts, and whose source distribution has the checkout in it
ADDONS = (FIRST, 'web_longpolling_bus', 'web_longpolling_live')
MANIFESTS = ('__manifest__.py', '__openerp__.py')
SECTION = re.compile(r'^(\d+\.\d+\.\d+) \((unreleased|\d{4}-\d\d-\d\d)\)\n-+$', re.MULTILINE)
# Of the sandbox's own environment, so that nothing unpinned is fetched.
OFFLINE = ('--no-deps', '--no-index', '--no-build-isolation')

NEXT = """\
{dist} has what is to be uploaded. Next:

    python3 -m sandbox test             # if it was not yet run on this very commit
    git tag -a {version} -m 'web_longpolling {version}'
    git push origin {version}
    {python} -m twine upload {dist}/*

and then the next section of CHANGES.rst, "(unreleased)", with its version in the manifests.
"""


class ToDo(Exception):
    """A check has found something; the text says what, and what to do."""


def release(keep: bool, root: Path = ROOT) -> int:
    """Look at the checkout in `root`, and build; returns the exit status, 1 if something is to do.

    keep: leave the files in its folder dist/, which may not have any in it.
    """
    tools = build_tools()
    dist = root / 'dist'
    if keep and dist.is_dir() and any(dist.iterdir()):
        raise SandboxError(f'{dist} has files of an earlier release: move or remove them.')
    with tempfile.TemporaryDirectory(prefix='longpolling-release-') as place:
        built = Path(place) / 'dist'
        well = all([
            told('tree', tree, root),
            told('version', versions, root),
            told('changes', changes, root),
            # Each needs what the one before it has made.
            told('build', build, root, Path(place)) and all([
                told('pages', pages, tools.python, built),
                told('install', install, built, Path(place) / 'venv'),
            ]),
        ])
        if well and keep:
            shutil.copytree(built, dist, dirs_exist_ok=True)
    if well and keep:
        print(NEXT.format(dist=dist, version=version(root), python=tools.python))
    return 0 if well else 1


def told(name: str, check, *arguments) -> bool:
    """Print what a check says; returns whether it is content."""
    try:
        said = check(*arguments)
    except ToDo as problem:
        print(f'to do  {name}: {problem}', flush=True)
        return False
    print(f'ok     {name}: {said}', flush=True)
    return True


def ran(words: list, purpose: str, folder: Path | None = None, **variables: str) -> str:
    """What a program prints; raises ToDo with the end of it if it fails."""
    done = subprocess.run([str(word) for word in words], cwd=folder, check=False, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**environment.surroundings(), **variables})
    if done.returncode:
        raise ToDo(f'{purpose} fails:\n{done.stdout[-2000:].rstrip()}')
    return done.stdout


# What is looked at


def manifest(path: Path) -> dict:
    return ast.literal_eval(path.read_text(encoding='utf-8'))


def version(root: Path) -> str:
    """The one that counts; setup.py and the documentation read it there too."""
    return manifest(root / FIRST / MANIFESTS[0])['version']


def tree(root: Path) -> str:
    if not (root / '.git').exists():
        raise ToDo('this is no checkout of git: a release is made of a commit')
    changed = ran(['git', 'status', '--porcelain'], 'git status', root).splitlines()
    if changed:
        raise ToDo(f'{len(changed)} files are not as they are committed, such as "{changed[0][3:]}": commit them, or '
                   'put them back')
    if ran(['git', 'tag', '--list', version(root)], 'git tag', root).strip():
        raise ToDo(f'there is a tag {version(root)} already: raise the version in the manifests')
    return f'all is committed in {ran(["git", "rev-parse", "--short", "HEAD"], "git rev-parse", root).strip()}'


def versions(root: Path) -> str:
    expected = version(root)
    paths = [path for addon in ADDONS for name in MANIFESTS if (path := root / addon / name).exists()]
    for path in paths:
        found = manifest(path)['version']
        if found != expected:
            raise ToDo(f'{path.relative_to(root)} has {found}, but {FIRST}/{MANIFESTS[0]} {expected}')
    return f'{expected} in {len(paths)} manifests'


def changes(root: Path) -> str:
    found = SECTION.search((root / 'CHANGES.rst').read_text(encoding='utf-8'))
    newest, date = found.groups() if found else ('none', '')
    if newest != version(root):
        raise ToDo(f'the newest section of CHANGES.rst is {newest}, but the version is {version(root)}')
    if date == 'unreleased':
        raise ToDo(f'write the date into CHANGES.rst: {newest} ({date})')
    return f'{newest} of {date}'


# What is built


def build(root: Path, place: Path) -> str:
    """The source distribution and the wheels, in the folder dist of `place`."""
    python, dist = environment.interpreter(BOOTSTRAP), place / 'dist'
    with step('Building'):
        committed = unpacked(root, place)
        ran([python, 'setup.py', '-q', 'sdist', '--dist-dir', dist], 'setup.py sdist', committed)
        [sdist] = dist.glob('*.tar.gz')
        shutil.unpack_archive(sdist, place / 'from-sdist')
        [source] = (place / 'from-sdist').iterdir()
        for addon in ADDONS:
            ran([python, '-m', 'pip', 'wheel', *OFFLINE, '-w', dist, source], f'the wheel of {addon}',
                LONGPOLLING_ADDON=addon)
    for addon in ADDONS:
        missing = files(committed / addon) - files_of(wheel_of(addon, dist), addon)
        if missing:
            raise ToDo(f'MANIFEST.in leaves out {", ".join(sorted(missing))} of {addon}')
    return ', '.join(sorted(path.name for path in dist.iterdir()))


def unpacked(root: Path, place: Path) -> Path:
    """A folder with what is committed, and nothing that lies beside it in the checkout."""
    archive, folder = place / 'committed.tar', place / 'committed'
    ran(['git', 'archive', '-o', archive, 'HEAD'], 'git archive', root)
    shutil.unpack_archive(archive, folder)
    return folder


def files(folder: Path) -> set[str]:
    """The names of all files below a folder, but for what Python compiles."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob('*')
            if path.is_file() and path.suffix != '.pyc'}


def wheel_of(addon: str, dist: Path) -> Path:
    found = list(dist.glob(f'{addon}-*.whl'))
    if len(found) != 1:
        raise ToDo(f'setup.py makes no wheel of its own of {addon}')
    return found[0]


def files_of(wheel: Path, addon: str) -> set[str]:
    beginning = f'odoo/addons/{addon}/'
    with zipfile.ZipFile(wheel) as packed:
        return {name.removeprefix(beginning) for name in packed.namelist() if name.startswith(beginning)}


def pages(python: Path, dist: Path) -> str:
    ran([python, '-m', 'twine', 'check', '--strict', *sorted(dist.iterdir())], 'twine check --strict')
    return 'twine check --strict passes'


def install(dist: Path, venv: Path) -> str:
    """Into an environment with nothing but what setup.py asks for, and psycopg2, which is the host's to bring."""
    environment.make(venv, environment.interpreter(BOOTSTRAP))
    python = environment.interpreter(venv)
    pip = [environment.interpreter(BOOTSTRAP), '-m', 'pip', '--python', python]
    wheels = sorted(dist.glob('*.whl'))
    with step('Installing the wheels and what they need'):
        ran([*pip, 'install', *wheels, 'psycopg2-binary'], 'pip install')
    ran([*pip, 'check'], 'pip check')
    [packages] = venv.glob('lib/python*/site-packages')
    for addon in ADDONS:
        if files(packages / 'odoo' / 'addons' / addon) != files_of(wheel_of(addon, dist), addon):
            raise ToDo(f'what is installed of {addon} is not what its wheel has')
    said = ran([python.with_name('longpolling-server'), '--version'], 'longpolling-server --version',
               # A host that this shell knows is not what a new environment has.
               PYTHONPATH='').strip()
    remove(venv)
    return said

