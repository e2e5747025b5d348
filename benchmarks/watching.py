"""What watching a model costs the ORM's writes: run in the sandbox, see benchmarks/README.rst.

Creating, writing and removing 1, 100 and 10,000 partners in one transaction each, committed, with the triggers and
without; the two take turns, and the tenth percentile of the times counts. It runs in the host's own interpreter, with
its registry and no server between, so that the ORM is all that is measured. Run by Python 2.7 as well:

    SANDBOX_PYTHON benchmarks/watching.py          (what `python -m benchmarks.watching` starts)
"""

import os
import subprocess
import sys
import time

MODEL = 'res.partner'
SIZES = (1, 100, 10000)
ROUNDS = {1: 150, 100: 30, 10000: 3}


def environment():
    """The registry of the run's database, as functions of a cursor: (cursor, create, write, unlink, watch)."""
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'web_longpolling'))
    from host import boot
    db = os.environ['SANDBOX_DB']
    if boot.configure(os.environ['SANDBOX_CONFIG']) == 'odoo':
        from odoo.api import Environment
        from odoo.modules.registry import Registry
        registry = Registry(db)

        def records(cr, ids=()):
            return Environment(cr, 1, {})[MODEL].browse(ids)

        def create(cr, count):
            return records(cr).create([{'name': 'Measured %d' % number} for number in range(count)]).ids

        def write(cr, ids, number):
            records(cr, ids).write({'city': 'City %d' % number})
            cr.flush()

        def unlink(cr, ids):
            records(cr, ids).unlink()

        def watch(cr, on):
            watches = Environment(cr, 1, {})['longpolling.watch']
            if on:
                watches.create({'model': MODEL})
            else:
                watches.search([('model', '=', MODEL)]).unlink()
            cr.flush()
        return registry.cursor, create, write, unlink, watch
    from openerp.modules.registry import RegistryManager
    registry = RegistryManager.get(db)
    model, watches = registry.get(MODEL), registry.get('longpolling.watch')

    def create(cr, count):
        return [model.create(cr, 1, {'name': 'Measured %d' % number, 'image': False}) for number in range(count)]

    def write(cr, ids, number):
        model.write(cr, 1, ids, {'city': 'City %d' % number})

    def unlink(cr, ids):
        model.unlink(cr, 1, ids)

    def watch(cr, on):
        if on:
            watches.create(cr, 1, {'model': MODEL})
        else:
            watches.unlink(cr, 1, watches.search(cr, 1, [('model', '=', MODEL)]))
    return registry.db.cursor, create, write, unlink, watch


def measure(cursor, step):
    """Seconds of one transaction with its commit, and what `step` has given."""
    cr = cursor()
    try:
        begun = time.time()
        result = step(cr)
        cr.commit()
        return time.time() - begun, result
    finally:
        cr.close()


def low(values):
    """The tenth percentile: what the work takes when nothing else on the machine comes in between."""
    return sorted(values)[len(values) // 10]


def switch(cursor, publishing, on):
    """Watch or not, without making the triggers anew: what a connection plans once is no cost of a write."""
    measure(cursor, lambda cr: [cr.execute('ALTER TABLE res_partner %s TRIGGER longpolling_watch_%s' % (
        'ENABLE' if on else 'DISABLE', event)) for event in ('insert', 'update', 'delete')] and None)
    publishing.send_after_commit = WAKE_UP[0] if on else (lambda cr: None)


WAKE_UP = []


def main():
    cursor, create, write, unlink, watch = environment()
    publishing = sys.modules.get('odoo.addons.web_longpolling.publishing') or \
        sys.modules['openerp.addons.web_longpolling.publishing']
    WAKE_UP.append(publishing.send_after_commit)
    measure(cursor, lambda cr: watch(cr, False))
    measure(cursor, lambda cr: watch(cr, True))
    print('%8s %8s %12s %12s %8s' % ('records', '', 'without, ms', 'with, ms', 'ratio'))
    for size in SIZES:
        times = dict(((kind, on), []) for kind in ('create', 'write', 'unlink') for on in (False, True))
        for number in range(ROUNDS[size]):
            for on in ((False, True), (True, False))[number % 2]:
                switch(cursor, publishing, on)
                _, ids = measure(cursor, lambda cr: create(cr, 1))
                measure(cursor, lambda cr: write(cr, ids, number))
                measure(cursor, lambda cr: unlink(cr, ids))
                took, ids = measure(cursor, lambda cr: create(cr, size))
                times['create', on].append(took)
                times['write', on].append(measure(cursor, lambda cr: write(cr, ids, number + 1))[0])
                times['unlink', on].append(measure(cursor, lambda cr: unlink(cr, ids))[0])
        for kind in ('create', 'write', 'unlink'):
            without, with_it = times[kind, False], times[kind, True]
            print('%8d %8s %12.2f %12.2f %8.3f' % (
                size, kind, 1000 * low(without), 1000 * low(with_it), low(with_it) / low(without)))
            sys.stdout.flush()
    switch(cursor, publishing, True)
    measure(cursor, lambda cr: watch(cr, False))


if __name__ == '__main__':
    if __package__:
        subprocess.check_call([os.environ['SANDBOX_PYTHON'], os.path.abspath(__file__)])
    else:
        main()
