"""Write the templates of the translations anew: `.sandbox/tools/environment/bin/python -m tests.support.translations`.

    ADDON/i18n/ADDON.pot, of each addon and of the demo

Odoo 19.0 exports them. OpenERP 7.0 reads the same files: for it, texts of scripts are marked "openerp-web" too.
`tests/unit/test_translations.py` names the texts that de.po and fr.po lack.
"""

import base64

from sandbox.paths import ROOT
from sandbox.running import running
from tests.support.clients import Session, visit

FILES = {**{name: ROOT / name / 'i18n' for name in (
             'web_longpolling', 'web_longpolling_bus', 'web_longpolling_live')},
         'longpolling_demo': ROOT / 'examples' / 'longpolling_demo' / 'i18n'}


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


def main():
    with running('odoo-19.0', addons=[ROOT / 'examples'], install=[*FILES]) as stack:
        admin = visit(stack, stack.login, stack.password)
        for module, folder in FILES.items():
            folder.mkdir(exist_ok=True)
            (folder / f'{module}.pot').write_text(template(admin, module), encoding='utf-8')


if __name__ == '__main__':
    main()
