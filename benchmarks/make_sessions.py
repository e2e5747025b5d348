"""Makes users and sessions by the host's own code, in one process: `make_sessions.py ADDON CONFIG DB SESSIONS USERS`.

The host's Python runs this, so it must do on 2.7 as well. It prints a line of JSON for each session: the cookie's name
and value, what OpenERP 7.0 wants besides, and the user's id.
"""

import json
import os
import sys
import time

ADDON, CONFIG, DB = sys.argv[1:4]
SESSIONS, USERS = int(sys.argv[4]), int(sys.argv[5])

sys.path.insert(0, ADDON)
from host import boot       # type: ignore[import-not-found]  # noqa: E402, I001

PACKAGE = boot.configure(CONFIG, os.path.join(os.environ['TMPDIR'], 'benchmarks.log'))
del sys.path[0]


BEGUN = time.time()


def login(number):
    return 'crowd-{}-{}'.format(BEGUN, number)      # noqa: UP032  Python 2.7


def odoo():
    from odoo import SUPERUSER_ID, http
    from odoo.api import Environment
    from odoo.modules.registry import Registry
    from odoo.service import security
    with Registry(DB).cursor() as cr:
        env = Environment(cr, SUPERUSER_ID, {'no_reset_password': True})
        users = env['res.users'].create([{'name': login(number), 'login': login(number)} for number in range(USERS)])
        env.flush_all()
        cr.execute("UPDATE res_users SET password = 'x' WHERE id IN %s", (tuple(users.ids),))
        cr.commit()
        store = http.root.session_store
        for number in range(SESSIONS):
            user = users[number % USERS]
            session = store.new()
            session.update(http.get_default_session(), db=DB, login=user.login, uid=user.id,
                           context={'lang': 'en_US', 'tz': 'Europe/Paris', 'uid': user.id},
                           create_time=time.time(), _trace=[])
            session.session_token = security.compute_session_token(session, env(user=user.id))
            store.save(session)
            yield {'cookie': ['session_id', session.sid], 'extra': {}, 'uid': user.id}


def openerp():
    import openerp
    from openerp.modules.registry import RegistryManager
    registry = RegistryManager.get(DB)
    from openerp.addons.web import http
    from openerp.addons.web.session import OpenERPSession
    users = []
    cr = registry.db.cursor()
    for number in range(USERS):
        users.append((registry.get('res.users').create(cr, openerp.SUPERUSER_ID, {
            'name': login(number), 'login': login(number), 'password': 'x', 'image': False}), login(number)))
    cr.commit()
    cr.close()
    store = http.werkzeug.contrib.sessions.FilesystemSessionStore(http.session_path())
    for number in range(SESSIONS):
        uid, name = users[number % USERS]
        session, one = store.new(), OpenERPSession()
        one.bind(DB, uid, name, 'x')
        one.context = {'lang': 'en_US', 'tz': 'Europe/Paris', 'uid': uid}
        session['crowd'] = one
        store.save(session)
        yield {'cookie': ['sid', session.sid], 'extra': {'session_id': 'crowd'}, 'uid': uid}


for made in (openerp if PACKAGE == 'openerp' else odoo)():
    sys.stdout.write(json.dumps(made) + '\n')
