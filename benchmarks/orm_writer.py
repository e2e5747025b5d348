"""One writer of `benchmarks.orm_writers`: `orm_writer.py ADDON CONFIG DB`, run by the host's Python, 2.7 as well.

For each line "KIND SECONDS" that it reads it does transactions of that kind for so long, each a write of one partner by
the host's ORM and its commit, and prints a JSON list of the milliseconds of each.
"""

import itertools
import json
import sys
import time

ADDON, CONFIG, DB = sys.argv[1:4]

sys.path.insert(0, ADDON)
from host import boot       # type: ignore[import-not-found]  # noqa: E402, I001

PACKAGE = boot.configure(CONFIG, '/dev/null')
del sys.path[0]

ROWS = 40       # of each writer's own: writers do not wait for one another's locks


class Odoo:
    def __init__(self):
        from odoo import SUPERUSER_ID
        from odoo.api import Environment
        from odoo.modules.registry import Registry
        self.registry = Registry(DB)
        self.environment = lambda cr: Environment(cr, SUPERUSER_ID, {})

    def create(self):
        with self.registry.cursor() as cr:
            env = self.environment(cr)
            return env['res.partner'].create([{'name': 'writer'} for _ in range(ROWS)]).ids

    def write(self, number, values, publish):
        with self.registry.cursor() as cr:
            env = self.environment(cr)
            env['res.partner'].browse(number).write(values)
            env.flush_all()
            publish(cr)
            cr.commit()


class OpenERP:
    def __init__(self):
        from openerp import SUPERUSER_ID
        from openerp.modules.registry import RegistryManager
        self.registry = RegistryManager.get(DB)
        self.uid = SUPERUSER_ID

    def create(self):
        cr = self.registry.db.cursor()
        try:
            numbers = [self.registry.get('res.partner').create(cr, self.uid, {'name': 'writer', 'image': False})
                       for _ in range(ROWS)]
            cr.commit()
            return numbers
        finally:
            cr.close()

    def write(self, number, values, publish):
        cr = self.registry.db.cursor()
        try:
            self.registry.get('res.partner').write(cr, self.uid, [number], values)
            publish(cr)
            cr.commit()
        finally:
            cr.close()


def main():
    host = (OpenERP if PACKAGE == 'openerp' else Odoo)()
    longpolling = __import__(PACKAGE + '.addons.web_longpolling.longpolling', fromlist=['longpolling'])
    numbers = host.create()
    kinds = {
        'plain': lambda cr: None,
        'publish': lambda cr: longpolling.publish(cr, 'orm-writers', {'id': numbers[0]}),
        'notify': lambda cr: cr.execute("NOTIFY peer"),
    }
    count = itertools.count()

    def transactions(publish, until):
        took = []
        while time.time() < until:
            begun = time.time()
            written = next(count)
            host.write(numbers[written % ROWS], {'name': 'writer ' + str(written)}, publish)
            took.append(round(1000 * (time.time() - begun), 3))
        return took

    for kind in kinds.values():
        transactions(kind, time.time() + .2)        # caches, and the first connection
    sys.stdout.write('ready\n')
    sys.stdout.flush()
    for line in iter(sys.stdin.readline, ''):
        kind, seconds = line.split()
        sys.stdout.write(json.dumps(transactions(kinds[kind], time.time() + float(seconds))) + '\n')
        sys.stdout.flush()


main()
