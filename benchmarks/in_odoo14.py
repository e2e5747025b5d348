"""What Odoo 14.0's own code does for its bus, run by its Python: `in_odoo14.py CONFIG DB [SESSIONS]`.

With SESSIONS it makes that many users, and a session of each, and prints a line of JSON for each as `make_sessions.py`
does. Without, it sends notifications; a line on its standard input is a command, and is answered with a number in a
line of JSON:

    last            the id of the last notification
    broadcast       one `sendone` on the channel `benchmark`: the moment of its commit (monotonic clock)
"""

import json
import os
import sys
import time

import odoo
from odoo import SUPERUSER_ID, api, http
from odoo.service import security

CONFIG, DB = sys.argv[1:3]
CHANNEL = 'benchmark'
PAYLOAD = {'text': 'benchmark'}

odoo.tools.config.parse_config(['-c', CONFIG, '--logfile', os.path.join(os.environ['TMPDIR'], 'benchmarks.log')])


def make_sessions(env, count):
    users = env['res.users'].with_context(no_reset_password=True).create(
        [{'name': f'crowd-{number}', 'login': f'crowd-{time.time()}-{number}'} for number in range(count)])
    env['res.users'].flush()
    env.cr.execute("UPDATE res_users SET password = 'x' WHERE id IN %s", (tuple(users.ids),))
    env.cr.commit()
    store = http.root.session_store
    for user in users:
        session = store.new()
        session.update(db=DB, login=user.login, uid=user.id,
                       context={'lang': 'en_US', 'tz': 'Europe/Paris', 'uid': user.id})
        session.session_token = security.compute_session_token(session, env)
        store.save(session)
        yield {'cookie': ['session_id', session.sid], 'extra': {}, 'uid': user.id}


def answer(env, command):
    if command == 'last':
        return env['bus.bus'].search([], order='id desc', limit=1).id or 0
    env['bus.bus'].sendone(CHANNEL, PAYLOAD)
    env['bus.bus'].flush()      # writes the row, as far as the commit has not begun
    begun = time.monotonic()
    env.cr.commit()             # and sends its NOTIFY after it
    return begun


def say(value):
    sys.stdout.write(json.dumps(value) + '\n')
    sys.stdout.flush()


REGISTRY = odoo.registry(DB)
with api.Environment.manage():
    if sys.argv[3:]:
        with REGISTRY.cursor() as cr:
            for made in make_sessions(api.Environment(cr, SUPERUSER_ID, {}), int(sys.argv[3])):
                say(made)
    else:
        for line in sys.stdin:
            with REGISTRY.cursor() as cr:
                say(answer(api.Environment(cr, SUPERUSER_ID, {}), line.strip()))
