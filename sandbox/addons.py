"""Where the addons of a run are, what they depend on, and a digest of their content."""

import ast
import hashlib
from pathlib import Path

from .errors import SandboxError
from .paths import ROOT
from .servers.hostconfig import TRAITS

MANIFESTS = ('__manifest__.py', '__openerp__.py')
# What does not come from the author of an addon.
GENERATED = ('.pyc', '.pyo', '~')


def is_addon(folder: Path) -> bool:
    return any((folder / name).is_file() for name in MANIFESTS)


def addons_folders(folders) -> list[Path]:
    """The folders for addons_path: those given (an addon's own folder stands for its parent) and the checkout."""
    found = []
    for folder in folders:
        folder = Path(folder).resolve()
        if not folder.is_dir():
            raise SandboxError(f'--addons {folder}: there is no such folder; give the folder that holds your addons.')
        if is_addon(folder):
            folder = folder.parent
        elif not any(is_addon(place) for place in folder.iterdir() if place.is_dir()):
            raise SandboxError(f'--addons {folder}: no addon in it (a folder with {" or ".join(MANIFESTS)}); give the '
                               'folder that holds your addons.')
        if folder not in found:
            found.append(folder)
    return [*found, *([] if ROOT in found else [ROOT])]


def find(name: str, folders: list[Path]) -> Path | None:
    """The folder of the addon of this name, if it is in one of these and not one of the host's own."""
    return next((folder / name for folder in folders if is_addon(folder / name)), None)


def own_addons(names, folders: list[Path], host: str) -> dict[str, Path]:
    """The addons among `names` and what they depend on that lie in `folders`; the rest are the host's own."""
    found: dict[str, Path] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        folder = None if name in found else find(name, folders)
        if folder:
            found[name] = folder
            waiting += _dependencies(folder, host)
    return found


def _dependencies(folder: Path, host: str) -> list[str]:
    names = [TRAITS[host].manifest, *MANIFESTS]
    manifest = next(folder / name for name in names if (folder / name).is_file())
    try:
        return list(ast.literal_eval(manifest.read_text(encoding='utf-8').strip()).get('depends', []))
    except (ValueError, SyntaxError, AttributeError):
        # The host's own message on a manifest that it can't read is better than a guess here.
        return []


def digest(folders) -> str:
    """A digest of the names and content of all files below these folders."""
    total = hashlib.sha256()
    for folder in sorted(folders):
        for path in sorted(folder.rglob('*')):
            if path.is_file() and '__pycache__' not in path.parts and not path.name.endswith(GENERATED):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                total.update(f'{folder.name}/{path.relative_to(folder)} {content}\n'.encode())
    return total.hexdigest()
