"""Addons that a test writes while databases exist already, as an administrator unpacks a new one."""

import shutil
from pathlib import Path

MANIFEST = """# -*- coding: utf-8 -*-
{
    'name': 'Novelty',
    'version': '1.0',
    'author': 'web_longpolling contributors',
    'license': 'AGPL-3',
    'depends': ['web_longpolling'],
    'data': [],
    'installable': True,
}
"""

CONTROLLER = """# -*- coding: utf-8 -*-
from openerp.addons.web_longpolling.longpolling import longpolling


@longpolling.route('/novelty')
def novelty(request, **kwargs):
    users = request.model('res.users')
    return {'db': request.db, 'uid': request.uid, 'logins': [
        user['login'] for user in users.read(users.search([]), ['login'])]}
"""

BROKEN = "raise ValueError('this addon is broken')\n"


def folder(stack) -> Path:
    """Where these addons are written; it is on the path of `oe`."""
    place = stack.folder.path / 'written-addons'
    if not place.exists():
        write(stack, 'longpolling_placeholder', '')     # a host refuses a path without any addon
    return place


def write(stack, name: str, code: str) -> str:
    """Write an addon with this code; returns its name."""
    return write_in(stack.folder.path / 'written-addons', name, code)


def write_in(folder: Path, name: str, code: str, manifest: str = MANIFEST, **files: str) -> str:
    """The same in another folder; `files` are further files of the addon, by their names without a point."""
    place = folder / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for file in ('__openerp__.py', '__manifest__.py'):
        (place / file).write_text(manifest)
    (place / '__init__.py').write_text(code)
    for file, text in files.items():
        (place / f'{file}.py').write_text(text)
    return name
