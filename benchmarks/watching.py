"""What watching a model costs the ORM's writes: run in the sandbox, see benchmarks/README.rst.

Creating, writing and removing 1, 100 and 10,000 partners in one transaction each, committed, in four ways that take
turns; the medians count: without triggers, with such that do nothing, with such that insert one constant event (the
least that any trigger can do), and watched, with the wake-ups. Processor time of the host's process and of its backend
in PostgreSQL is what is measured, since on a shared machine the clock says nothing; no disk is waited for. It runs in
the host's own interpreter, with its registry and no server between, so that the ORM is all there is. Python 2.7, too:

    SANDBOX_PYTHON benchmarks/watching.py          (what `python -m benchmarks.watching` starts)
"""

import os
import resource
import subprocess
import sys

MODEL = 'res.partner'
SIZES = (1, 100, 10000)
WAYS = ('without', 'empty', 'insert', 'watched')
# How many times it is switched on and off, and how often it is measured each time; before that come WARM transactions,
# since PostgreSQL plans the first ones of a connection anew.
ROUNDS = {1: (20, 8), 100: (8, 3), 10000: (2, 1)}
WARM = 8
# OpenERP 7.0 creates one record after the other, some 8 ms each, and what more than so many of them cost is that many
# times what one does: 10,000 in all ways and rounds would take a quarter of an hour. More are made by SQL, not shown.
MOST_CREATED = 100


def environment():
    """The registry of the run's database, as functions of a cursor: (cursor, create, write, unlink, watch)."""
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'web_longpolling'))
    from host import boot  # type: ignore[import-not-found]
    return (odoo if boot.configure(os.environ['SANDBOX_CONFIG']) == 'odoo' else openerp)(os.environ['SANDBOX_DB'])


def odoo(db):
    from odoo.api import Environment
    from odoo.modules.registry import Registry

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
    return Registry(db).cursor, create, write, unlink, watch


def openerp(db):
    from openerp.modules.registry import RegistryManager
    registry = RegistryManager.get(db)
    model, watches = registry.get(MODEL), registry.get('longpolling.watch')

    def create(cr, count):
        return [model.create(cr, 1, {'name': 'Measured %d' % number, 'image': False}) for number in range(count)]

    def write(cr, ids, number):
        model.write(cr, 1, ids, {'city': 'City %d' % number})

    def copies(cr, count):
        """Partners to write to and to remove, all but one of them made by SQL."""
        [made] = create(cr, 1)
        cr.execute("SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns "
                   "WHERE table_name = 'res_partner' AND column_name != 'id'")
        [columns] = cr.fetchone()
        cr.execute('INSERT INTO res_partner (%s) SELECT %s FROM res_partner, generate_series(2, %%s) WHERE id = %%s '
                   'RETURNING id' % (columns, columns), (count, made))
        return [made] + [row[0] for row in cr.fetchall()]

    def unlink(cr, ids):
        model.unlink(cr, 1, ids)

    def watch(cr, on):
        if on:
            watches.create(cr, 1, {'model': MODEL})
        else:
            watches.unlink(cr, 1, watches.search(cr, 1, [('model', '=', MODEL)]))
    def make(cr, count):
        return (create if count <= MOST_CREATED else copies)(cr, count)
    return registry.db.cursor, make, write, unlink, watch


def processor(backend):
    """Seconds of processor time that this process and its backend in PostgreSQL have used."""
    with open('/proc/%d/schedstat' % backend) as stat:
        nanoseconds = int(stat.read().split()[0])
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime + nanoseconds / 1e9


def measure(cursor, step):
    """Seconds of processor time that one transaction takes with its commit, and what `step` has given."""
    cr = cursor()
    try:
        backend = cr._cnx.get_backend_pid()
        begun = processor(backend)
        result = step(cr)
        cr.commit()
        return processor(backend) - begun, result
    finally:
        cr.close()


def median(values):
    return sorted(values)[len(values) // 2]


FLOOR = """
    CREATE FUNCTION floor_empty() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE FUNCTION floor_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO longpolling_event (channel, payload)
        VALUES ('model:res.partner', '{"operation":"write","ids":[1],"fields":null}');
        RETURN NULL; END $$"""
TRIGGERS = {'empty': 'floor_empty_', 'insert': 'floor_insert_', 'watched': 'longpolling_watch_'}
EVENTS = ('insert', 'update', 'delete')


def make_floor(cr):
    """The triggers with which those of a watched model are compared."""
    cr.execute(FLOOR)
    for way in ('empty', 'insert'):
        for event in EVENTS:
            cr.execute('CREATE TRIGGER floor_%s_%s AFTER %s ON res_partner FOR EACH STATEMENT '
                       'EXECUTE PROCEDURE floor_%s()' % (way, event, event, way))


def switch(cursor, publishing, way):
    """Go on in this way, without making triggers anew: what a connection plans once is no cost of a write."""
    def enable(cr):
        for other, prefix in TRIGGERS.items():
            for event in EVENTS:
                cr.execute('ALTER TABLE res_partner %s TRIGGER %s%s' % (
                    'ENABLE' if other == way else 'DISABLE', prefix, event))
    measure(cursor, enable)
    publishing.send_after_commit = WAKE_UP[0] if way == 'watched' else (lambda cr, soon=False: None)


WAKE_UP = []     # type: list


def main():
    cursor, create, write, unlink, watch = environment()
    publishing = sys.modules.get('odoo.addons.web_longpolling.publishing') or \
        sys.modules['openerp.addons.web_longpolling.publishing']
    WAKE_UP.append(publishing.send_after_commit)
    measure(cursor, lambda cr: watch(cr, False))
    measure(cursor, lambda cr: watch(cr, True))
    measure(cursor, make_floor)
    print('%8s %8s %12s %8s %8s %8s' % ('records', '', 'without, ms', 'empty', 'insert', 'watched'))
    for size in SIZES:
        times = dict(((kind, way), []) for kind in ('create', 'write', 'unlink') for way in WAYS)      # type: dict
        rounds, repeats = ROUNDS[size]
        for number in range(rounds):
            turn = number % len(WAYS)
            for way in WAYS[turn:] + WAYS[:turn]:
                switch(cursor, publishing, way)
                for again in range(WARM + repeats):
                    count = size if again >= WARM else 1
                    created, ids = measure(cursor, lambda cr: create(cr, count))
                    written, _ = measure(cursor, lambda cr: write(cr, ids, again))
                    removed, _ = measure(cursor, lambda cr: unlink(cr, ids))
                    if again >= WARM:
                        times['create', way].append(created)
                        times['write', way].append(written)
                        times['unlink', way].append(removed)
        for kind in ('create', 'write', 'unlink'):
            if kind == 'create' and size > MOST_CREATED and os.environ['SANDBOX_HOST'] == 'openerp-7.0':
                continue
            without = median(times[kind, 'without'])
            print('%8d %8s %12.2f' % (size, kind, 1000 * without) + ''.join(
                ' %8.3f' % (median(times[kind, way]) / without) for way in WAYS[1:]))
            sys.stdout.flush()
    switch(cursor, publishing, 'watched')
    measure(cursor, lambda cr: watch(cr, False))
    measure(cursor, lambda cr: cr.execute('DROP FUNCTION floor_empty() CASCADE; DROP FUNCTION floor_insert() CASCADE'))


if __name__ == '__main__':
    if __package__:
        subprocess.check_call([os.environ['SANDBOX_PYTHON'], os.path.abspath(__file__)])
    else:
        main()
