"""Write the templates of the translations anew: `.sandbox/tools/environment/bin/python -m tests.support.translations`.

    ADDON/i18n/ADDON.pot                of each addon and of the demo, as Odoo 19.0 exports it
    ADDON/i18n_openerp/ADDON.pot        of those that run on OpenERP 7.0: labels of fields and what is in its views

OpenERP 7.0 reads the texts of scripts and messages from the first, where the scripts' are marked "openerp-web" too.
What it names otherwise (`field:MODEL,NAME:0`) Odoo 19.0 takes for a mistake in the file, so that it has one of its own,
which `web_longpolling/models/openerp7.py` loads. `tests/unit/test_translations.py` names the texts that de.po and fr.po
lack.
"""

import base64

from sandbox.paths import ROOT
from sandbox.running import running
from tests.support.clients import Session, visit

FILES = {**{name: ROOT / name / 'i18n' for name in (
             'web_longpolling', 'web_longpolling_bus', 'web_longpolling_live')},
         'longpolling_demo': ROOT / 'examples' / 'longpolling_demo' / 'i18n'}

OPENERP = {name: folder.parent / 'i18n_openerp' for name, folder in FILES.items() if (
    folder.parent / '__openerp__.py').exists()}


def template(admin: Session, module: str) -> str:
    """The template of a module, without the dates that would differ each time."""
    ids = admin.rpc('ir.module.module', 'search', [[['name', '=', module]]])
    wizard = admin.rpc('base.language.export', 'create', [{'format': 'po', 'modules': [[6, 0, ids]]}])
    admin.rpc('base.language.export', 'act_getfile', [[wizard]])
    [exported] = admin.rpc('base.language.export', 'read', [[wizard], ['data']])
    lines = base64.b64decode(exported['data']).decode().splitlines(True)
    # Nor the paths that are found a second time, below the checkout's folder of examples.
    lines = [line for line in lines if not line.startswith(
        ('"POT-Creation-Date', '"PO-Revision-Date', '#: code:addons/examples/'))]
    return ''.join(lines).replace('#. odoo-javascript\n', '#. odoo-javascript\n#. openerp-web\n')


def text_of(entry: str) -> str:
    return entry.partition('\nmsgid ')[2]


def template_of_openerp(admin: Session, module: str) -> str:
    """What OpenERP 7.0 exports of a module, without the texts of its code."""
    ids = admin.rpc('ir.module.module', 'search', [[['name', '=', module]]])
    wizard = admin.rpc('base.language.export', 'create', [{'format': 'po', 'modules': [[6, 0, ids]]}])
    admin.rpc('base.language.export', 'act_getfile', [[wizard]])
    exported = admin.rpc('base.language.export', 'read', [[wizard], ['data']])
    head, *entries = base64.b64decode(exported[0]['data']).decode().strip().split('\n\n')
    head = '\n'.join(line for line in head.split('\n') if not line.startswith(
        ('"POT-Creation-Date', '"PO-Revision-Date')))
    entries = sorted((entry for entry in entries if '#: code:' not in entry), key=text_of)
    return '\n\n'.join([head, *entries]) + '\n'


def main():
    with running('openerp-7.0', addons=[ROOT / 'examples'], install=[*OPENERP]) as stack:
        admin = visit(stack, stack.login, stack.password)
        for module, folder in OPENERP.items():
            folder.mkdir(exist_ok=True)
            (folder / f'{module}.pot').write_text(template_of_openerp(admin, module), encoding='utf-8')
    with running('odoo-19.0', addons=[ROOT / 'examples'], install=[*FILES]) as stack:
        admin = visit(stack, stack.login, stack.password)
        for module, folder in FILES.items():
            folder.mkdir(exist_ok=True)
            (folder / f'{module}.pot').write_text(template(admin, module), encoding='utf-8')


if __name__ == '__main__':
    main()
