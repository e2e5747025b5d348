"""Watched models: what writes their tables is an event, whoever it is."""

import contextlib
import json
import time

import psycopg2
import pytest

from sandbox.paths import ROOT
from sandbox.run.process import run_once
from tests.support.clients import RpcError, visit
from tests.support.held_polls import eventually
from tests.support.pages import following, payloads
from web_longpolling import watching

MODEL = 'longpolling.test.watched'
TABLE = 'longpolling_test_watched'
CHANNEL = f'model:{MODEL}'
TRIGGERS = "SELECT count(*) FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE 'longpolling\\_watch\\_%%'"


@pytest.fixture
def page(ann):
    return following(ann, CHANNEL)


def told(page, until: int = 1) -> list[dict]:
    """That many changes at least."""
    changes: list[dict] = []
    while len(changes) < until:
        changes += page.payloads()
    return changes


def rows(sql, count: int) -> list[int]:
    return [row[0] for row in sql(
        f"INSERT INTO {TABLE} (name) SELECT 'row ' || n FROM generate_series(1, %s) AS n RETURNING id", (count,))]


def test_what_the_orm_writes_is_told_with_ids_and_fields(page, admin):
    """Creating, writing and removing by the host's ordinary RPC, a recomputed field among them."""
    record = admin.rpc(MODEL, 'create', [{'name': 'one'}])
    record = record[0] if isinstance(record, list) else record
    created = told(page)
    assert created[0] == {'operation': 'create', 'ids': [record], 'fields': None}
    admin.rpc(MODEL, 'write', [[record], {'name': 'three'}])
    written = told(page)
    assert {change['operation'] for change in written} == {'write'}
    assert all(change['ids'] == [record] for change in written)
    assert {'name', 'length'} <= {field for change in written for field in change['fields']}
    assert 'owner_id' not in {field for change in written for field in change['fields']}
    admin.rpc(MODEL, 'unlink', [[record]])
    assert told(page) == [{'operation': 'unlink', 'ids': [record], 'fields': None}]


def test_what_sql_writes_is_told_and_a_rollback_is_not(page, sql, transaction):
    one, two = rows(sql, 2)
    assert told(page) == [{'operation': 'create', 'ids': [one, two], 'fields': None}]
    sql(f"UPDATE {TABLE} SET name = 'changed' WHERE id = %s", (one,))
    sql(f"UPDATE {TABLE} SET name = 'changed' WHERE false")
    assert told(page) == [{'operation': 'write', 'ids': [one], 'fields': ['name']}]
    with pytest.raises(ZeroDivisionError), transaction() as cr:
        cr.execute(f'DELETE FROM {TABLE} WHERE id = %s', (one,))
        raise ZeroDivisionError
    sql(f'DELETE FROM {TABLE} WHERE id = %s', (two,))
    assert told(page) == [{'operation': 'unlink', 'ids': [two], 'fields': None}]


def test_many_rows_are_one_small_event(page, sql):
    """Of an import of 10,000 rows, all that is told is that there were many, and between which ids they lie."""
    ids = rows(sql, 10000)
    assert told(page) == [{'operation': 'create', 'many': True, 'from': min(ids), 'to': max(ids)}]
    sql(f'TRUNCATE {TABLE}')
    assert told(page) == [{'operation': 'unlink', 'many': True, 'from': None, 'to': None}]


def test_a_transaction_of_many_statements_is_bounded_too(page, transaction):
    """However many single rows it writes, and whatever of it a savepoint takes back."""
    with transaction() as cr:
        cr.execute(f"INSERT INTO {TABLE} (length) VALUES (0) RETURNING id")
        [(record,)] = cr.fetchall()
        cr.execute('SAVEPOINT back')
        for _ in range(300):
            cr.execute(f"UPDATE {TABLE} SET length = length + 1 WHERE id = %s", (record,))
        cr.execute('ROLLBACK TO SAVEPOINT back')
        for _ in range(300):
            cr.execute(f"UPDATE {TABLE} SET length = length + 1 WHERE id = %s", (record,))
    changes = told(page)
    assert changes[0]['operation'] == 'create'
    assert changes[1] == {'operation': 'write', 'ids': [record], 'fields': ['length']}
    assert changes[-1] == {'operation': 'write', 'many': True, 'from': None, 'to': None}
    assert 50 < len(changes) < 200


def test_who_may_write_the_table_needs_no_other_rights(page, sql, stack):
    """The trigger runs with its owner's rights, and what it calls can't be replaced by the writer."""
    sql("CREATE ROLE clerk LOGIN PASSWORD 'clerk'")
    try:
        sql(f'GRANT INSERT, UPDATE, SELECT ON {TABLE} TO clerk; GRANT USAGE ON SEQUENCE {TABLE}_id_seq TO clerk')
        with contextlib.closing(psycopg2.connect(stack.dsn)) as connection, connection, connection.cursor() as cr:
            cr.execute(f"INSERT INTO {TABLE} (name) VALUES ('warm')")
        told(page)
        sql(f"""SET ROLE clerk;
            CREATE FUNCTION pg_temp.txid_current() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
            CREATE TEMP TABLE longpolling_event (channel varchar, payload text);
            INSERT INTO {TABLE} (name) VALUES ('by a clerk')""")
        [change] = told(page)
        assert change['operation'] == 'create'
        assert sql("SELECT has_table_privilege('clerk', 'longpolling_event', 'INSERT')") == [(False,)]
    finally:
        sql('DROP OWNED BY clerk; DROP ROLE clerk')


def test_a_column_that_goes_or_comes_does_not_break_a_write(page, sql):
    """Until the triggers are made anew, all that is unknown is which columns have changed."""
    [record] = rows(sql, 1)
    told(page)
    sql(f"ALTER TABLE {TABLE} RENAME COLUMN length TO measure; ALTER TABLE {TABLE} ADD COLUMN more text")
    try:
        sql(f"UPDATE {TABLE} SET name = 'x', more = 'y' WHERE id = %s", (record,))
        assert told(page) == [{'operation': 'write', 'ids': [record], 'fields': None}]
    finally:
        sql(f"ALTER TABLE {TABLE} RENAME COLUMN measure TO length; ALTER TABLE {TABLE} DROP COLUMN more")


def test_columns_that_are_named_like_variables_do_not_break_a_write(page, sql):
    added = ('fields', 'number', 'lowest', 'highest', 'nothing', 'payload', 'channel')
    for name in added:
        sql(f'ALTER TABLE {TABLE} ADD COLUMN {name} text')
    try:
        ids = rows(sql, 2)
        sql(f"UPDATE {TABLE} SET name = 'x', number = '7' WHERE id = ANY(%s)", (ids,))
        sql(f"UPDATE {TABLE} SET number = '8' WHERE id = ANY(%s)", (ids,))
        assert told(page, 3)[1:] == [{'operation': 'write', 'ids': ids, 'fields': ['name']},
                                     {'operation': 'write', 'ids': ids, 'fields': []}]
        many = rows(sql, 1001)
        assert told(page) == [{'operation': 'create', 'many': True, 'from': min(many), 'to': max(many)}]
    finally:
        for name in added:
            sql(f'ALTER TABLE {TABLE} DROP COLUMN {name}')


def test_the_host_wakes_the_sidecar_up_at_once(holding, ann, admin):
    """Whoever writes through the ORM does not leave it to the sidecar's own look, which comes every 0.8 s."""
    times = []
    for number in range(5):
        answer = holding.follow(ann, CHANNEL)
        begun = time.monotonic()
        admin.rpc(MODEL, 'create', [{'name': str(number)}])
        assert payloads(answer.result().json())
        times.append(time.monotonic() - begun)
    print(f'seen after {min(times) * 1000:.0f} ms at best')
    assert min(times) < 0.6


def test_an_administrator_lists_a_model_and_takes_it_back(ann, admin, sql):
    """The triggers come and go at once, and ordinary users may not do it."""
    assert sql(TRIGGERS, ('res_currency',)) == [(0,)]
    with pytest.raises(RpcError):
        ann.rpc('longpolling.watch', 'create', [{'model': 'res.currency'}])
    for wrong in ('no.such.model', 'longpolling.feed'):
        with pytest.raises(RpcError):
            admin.rpc('longpolling.watch', 'create', [{'model': wrong}])
    watch = admin.rpc('longpolling.watch', 'create', [{'model': 'res.currency'}])
    page = following(ann, 'model:res.currency')
    assert sql(TRIGGERS, ('res_currency',)) == [(4,)]
    [currency] = admin.rpc('res.currency', 'search', [[]], {'limit': 1})
    admin.rpc('res.currency', 'write', [[currency], {'rounding': 0.001}])
    [change] = told(page)
    assert currency in change['ids']
    assert change['fields'] is None         # only of models that name them
    admin.rpc('longpolling.watch', 'unlink', [[watch] if isinstance(watch, int) else watch])
    assert sql(TRIGGERS, ('res_currency',)) == [(0,)]
    assert sql("SELECT count(*) FROM pg_proc WHERE proname LIKE 'longpolling%%res_currency'") == [(0,)]


def listed(admin, *models) -> list[int]:
    """These models are watched, too; the ids in the list, with which it ends."""
    watches = [admin.rpc('longpolling.watch', 'create', [{'model': model}]) for model in models]
    return [watch[0] if isinstance(watch, list) else watch for watch in watches]


def test_models_that_share_a_table_are_told_each(ann, admin, sql):
    """And so is the model of a table from which another one inherits: all actions, and those without a window."""
    models = ('ir.actions.actions', 'ir.actions.act_window_close', 'ir.actions.act_window')
    watches = listed(admin, *models)
    try:
        pages = [following(ann, f'model:{model}') for model in models]
        [action] = admin.rpc('ir.actions.act_window', 'search', [[]], {'limit': 1})
        admin.rpc('ir.actions.act_window', 'write', [[action], {'help': 'watched'}])
        for page in pages:
            assert {'operation': 'write', 'ids': [action], 'fields': None} in told(page)
        sql('UPDATE ir_actions SET help = help WHERE id = %s', (action,))
        for page in pages[:2]:
            assert told(page) == [{'operation': 'write', 'ids': [action], 'fields': None}]
        admin.rpc('longpolling.watch', 'unlink', [watches[:1]])
        watches = watches[1:]
        sql('UPDATE ir_actions SET help = help WHERE id = %s', (action,))
        assert told(pages[1]) == [{'operation': 'write', 'ids': [action], 'fields': None}]
        assert sql("SELECT count(*) FROM longpolling_event WHERE channel = 'model:ir.actions.actions' AND id > ("
                   "SELECT max(id) - 1 FROM longpolling_event)") == [(0,)]
    finally:
        admin.rpc('longpolling.watch', 'unlink', [watches])
    for table in ('ir_actions', 'ir_act_window'):
        assert sql(TRIGGERS, (table,)) == [(0,)]


def test_what_is_written_to_the_record_that_a_model_delegates_to_is_told(ann, admin, sql):
    """A user's name is his partner's: whoever changes the partner changes the user."""
    watches = listed(admin, 'res.users')
    try:
        page = following(ann, 'model:res.users')
        [user] = admin.rpc('res.users', 'read', [[ann.uid], ['partner_id']])
        sql('UPDATE res_partner SET comment = comment WHERE id = ANY(%s)', ([user['partner_id'][0]],))
        assert told(page) == [{'operation': 'write', 'ids': [ann.uid], 'fields': None}]
        sql('UPDATE res_partner SET comment = comment WHERE id NOT IN (SELECT partner_id FROM res_users)')
        sql('UPDATE res_users SET active = active WHERE id = %s', (ann.uid,))
        assert told(page) == [{'operation': 'write', 'ids': [ann.uid], 'fields': None}]
    finally:
        admin.rpc('longpolling.watch', 'unlink', [watches])
    assert sql(TRIGGERS, ('res_partner',)) == [(0,)]


LONG = 'Long ' + 'é' * 29       # 63 bytes
COLUMN = '"Some ""name"""'
WRITTEN = [{'operation': 'create', 'ids': [1, 2], 'fields': None},
           {'operation': 'write', 'ids': [2], 'fields': ['Some "name"']},
           {'operation': 'unlink', 'ids': [1], 'fields': None}]


@pytest.mark.parametrize('statement', [
    f'CREATE TABLE "{LONG}" (id bigint, {COLUMN} jsonb)',
    (f'CREATE TABLE "{LONG}" (id bigint, {COLUMN} jsonb) PARTITION BY LIST (id); '
     f'CREATE TABLE one PARTITION OF "{LONG}" FOR VALUES IN (1); CREATE TABLE rest PARTITION OF "{LONG}" DEFAULT'),
    f'CREATE TABLE "{LONG}" (id bigint, {COLUMN} jsonb); CREATE TABLE rest () INHERITS ("{LONG}")'],
    ids=['plain', 'partitioned', 'inherited'])
def test_tables_of_every_kind_are_watched(stack, statement):
    """With any name; and a part of it that is written by itself, too. Nothing of it is left here."""
    def changes(cr):
        cr.execute("SELECT payload FROM longpolling_event WHERE channel = 'model:x''y' AND txid = txid_current() "
                   "ORDER BY id")
        return [json.loads(row[0]) for row in cr.fetchall()]

    def write(cr, table):
        cr.execute("DELETE FROM longpolling_event WHERE channel = 'model:x''y'")
        cr.execute(f'INSERT INTO "{table}" VALUES (2 + %s, NULL), (3 + %s, NULL)', (first, first))
        cr.execute(f'UPDATE "{table}" SET {COLUMN} = %s WHERE id = 3 + %s', ('["%"]', first))
        cr.execute(f'DELETE FROM "{table}" WHERE id = 2 + %s', (first,))
        return [{**change, 'ids': [each - 1 - first for each in change['ids']]} for change in changes(cr)]

    with contextlib.closing(psycopg2.connect(stack.dsn)) as connection, connection.cursor() as cr:
        cr.execute(statement)
        assert watching.sync(cr, {"x'y": LONG}, {"x'y": ['Some "name"']}) == []
        first = -1
        assert write(cr, LONG) == WRITTEN
        if 'rest' in statement:
            first = 5
            assert write(cr, 'rest') == WRITTEN
        # What is unchanged is left alone, and the functions go with the table.
        before = "SELECT oid, proname FROM pg_proc WHERE proname LIKE 'longpolling\\_watch%%' ORDER BY oid"
        cr.execute(before)
        functions = cr.fetchall()
        assert watching.sync(cr, {"x'y": LONG}, {"x'y": ['Some "name"']}) == []
        cr.execute(before)
        assert cr.fetchall() == functions
        cr.execute(f'DROP TABLE "{LONG}" CASCADE')
        assert watching.sync(cr, {"x'y": LONG}) == []
        cr.execute(before)
        assert cr.fetchall() == []
        cr.execute('SHOW lock_timeout')
        assert cr.fetchall() == [('0',)]
        connection.rollback()


def test_new_rows_with_lower_ids_are_told_too(page, transaction):
    """Of a transaction that has told too much already, and brings ids of its own instead of the sequence's."""
    first = 2 ** 31 - 500
    with transaction() as cr:
        for number in range(300):
            cr.execute(f"INSERT INTO {TABLE} (id, name) VALUES (%s, 'x')", (first - number,))
        cr.execute(f"DELETE FROM {TABLE} WHERE id > %s", (first - 300,))
    changes = [change for change in told(page) if change['operation'] == 'create']
    many = [change for change in changes if 'many' in change]
    seen = {each for change in changes for each in change.get('ids', ())}
    assert all(each in seen or any(change['from'] is None or change['from'] <= each for change in many)
               for each in range(first - 299, first + 1))
    assert len(many) == 2 and len(changes) < 250


def test_nobody_else_may_use_the_functions_after_a_restore_without_privileges(stack):
    """They run with the rights of the host's role: a trigger of somebody else's table could tell whatever it likes."""
    open_to_all = ("SELECT count(*) FROM pg_proc WHERE proname LIKE 'longpolling\\_watch\\_%%' "
                   "AND has_function_privilege('public', oid, 'EXECUTE')")
    with contextlib.closing(psycopg2.connect(stack.dsn)) as connection, connection.cursor() as cr:
        cr.execute('CREATE TABLE restored (id bigint)')
        assert watching.sync(cr, {'x': 'restored'}) == []
        cr.execute('GRANT EXECUTE ON FUNCTION longpolling_watch_insert_restored() TO PUBLIC')
        cr.execute(open_to_all)
        assert cr.fetchall() == [(1,)]
        assert watching.sync(cr, {'x': 'restored'}) == []
        cr.execute(open_to_all)
        assert cr.fetchall() == [(0,)]
        connection.rollback()


@pytest.fixture
def own(host, up):
    """A stack of its own, whose modules may be updated and removed."""
    with up(host, install=('longpolling_test',), sidecar=False) as stack:
        yield stack


def query(stack, statement, parameters=None):
    with contextlib.closing(psycopg2.connect(stack.dsn)) as connection, connection, connection.cursor() as cr:
        cr.execute(statement, parameters)
        return cr.fetchall() if cr.description else []


def update(stack, modules):
    """Update modules as an administrator does, with the server stopped."""
    stack.stop_host()
    run_once(stack.folder, [
        stack.python, ROOT / 'web_longpolling' / 'oe.py', '-c', stack.config, '-d', stack.db, '-u', modules,
        '--stop-after-init'], stack.log_dir / 'update.log', name='update', seconds=240,
        environment=stack.installation.environment)
    stack.start_host()


def signalled(stack) -> int:
    """How often processes were told to clear their caches."""
    sequence = 'base_cache_signaling' if stack.host == 'openerp-7.0' else 'orm_signaling_default_id_seq'
    [(number,)] = query(stack, f'SELECT last_value FROM {sequence}')
    return number


def test_triggers_survive_updates_and_go_with_the_module(own):
    """Updates of the module that owns the table and of web_longpolling leave them; what is missing a start makes good;
    the removal of web_longpolling takes them along.
    """
    assert query(own, TRIGGERS, (TABLE,)) == [(4,)]
    before = query(own, "SELECT oid FROM pg_trigger WHERE tgrelid = %s::regclass ORDER BY oid", (TABLE,))
    update(own, 'longpolling_test,web_longpolling')
    assert query(own, "SELECT oid FROM pg_trigger WHERE tgrelid = %s::regclass ORDER BY oid", (TABLE,)) == before
    query(own, f'DROP TRIGGER longpolling_watch_update ON {TABLE}')
    caches = signalled(own)
    own.stop_host()
    own.start_host()
    admin = visit(own, own.login, own.password)
    eventually(lambda: query(own, TRIGGERS, (TABLE,)) == [(4,)], seconds=60)
    assert signalled(own) == caches     # a process that starts clears nobody's caches
    admin.uninstall('web_longpolling')
    assert query(own, "SELECT tgname FROM pg_trigger WHERE tgname LIKE 'longpolling%%'") == []
    assert query(own, "SELECT proname FROM pg_proc WHERE proname LIKE 'longpolling%%'") == []


def test_postgresql_without_transition_tables_says_many(sql, stack):
    """One event a transaction and operation: the functions for PostgreSQL 9, which this one runs, too."""
    def changes():
        return [json.loads(row[0]) for row in sql(
            "SELECT payload FROM longpolling_event WHERE channel = 'model:old' ORDER BY id")]

    with contextlib.closing(psycopg2.connect(stack.dsn)) as connection, connection.cursor() as cr:
        cr.execute('CREATE TABLE old (id serial, name varchar)')
        functions = watching._functions('old', 'old', [], 'public', 90600)
        watching._make(cr, 'public', 'old', functions, {}, 90600)
        connection.commit()
        for _ in range(3):
            cr.execute("INSERT INTO old (name) VALUES ('a')")
        cr.execute("UPDATE old SET name = 'b'")
        connection.commit()
        many = {'operation': 'create', 'many': True, 'from': None, 'to': None}
        assert changes() == [many, {**many, 'operation': 'write'}]
        watching._drop(cr, 'public', functions)
        cr.execute('DROP TABLE old')
        connection.commit()
