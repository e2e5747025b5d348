"""Sends notifications on Odoo's bus: `tell_odoo_bus.py ADDON CONFIG DB`, run by Odoo's Python.

A line on its standard input is a command, and is answered with a number in a line of JSON:

    last                the id of the last notification
    broadcast           one `_sendone` to everybody: the moment of its commit (monotonic clock)
    users UID UID …     one `_sendone` to each of these users, in one transaction: the same
"""

import json
import os
import sys
import time

ADDON, CONFIG, DB = sys.argv[1:4]

sys.path.insert(0, ADDON)
from host import boot       # type: ignore[import-not-found]  # noqa: E402, I001

boot.configure(CONFIG, os.path.join(os.environ['TMPDIR'], 'benchmarks.log'))
del sys.path[0]

from odoo import SUPERUSER_ID  # noqa: E402
from odoo.api import Environment  # noqa: E402
from odoo.modules.registry import Registry  # noqa: E402

REGISTRY = Registry(DB)
PAYLOAD = {'text': 'benchmark'}


def answer(command, *uids):
    with REGISTRY.cursor() as cr:
        env = Environment(cr, SUPERUSER_ID, {})
        if command == 'last':
            return env['bus.bus']._bus_last_id()
        targets = env['res.users'].browse([int(uid) for uid in uids]).partner_id if uids else ['broadcast']
        for target in targets:
            env['bus.bus']._sendone(target, 'benchmark', PAYLOAD)
        cr.flush()          # writes the rows, as far as the commit has not begun
        begun = time.monotonic()
        cr.commit()         # and sends its NOTIFY after it
        return begun


for line in sys.stdin:
    sys.stdout.write(json.dumps(answer(*line.split())) + '\n')
    sys.stdout.flush()
