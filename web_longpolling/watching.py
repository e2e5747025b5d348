# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The changes of watched models: triggers that put an event on the channel ``model:NAME``.

A model is watched if its class says so (``_longpolling_watch = True``) or an administrator has listed it
(``longpolling.watch``). What then writes its table is seen, whoever it is: the ORM, recomputed fields, SQL, other
programs. Each statement is one event of the writer's own transaction, a row like those of ``longpolling.publish``::

    {"operation": "create" | "write" | "unlink", "ids": [...], "fields": [...] or null}
    {"operation": ..., "many": true, "from": id or null, "to": id or null}

``fields`` are told of a write to a model that names them (``_longpolling_watch = ['name', 'stage_id']``): those of them
that have changed. They are null everywhere else, and where one of these columns has gone since the registry was loaded.
Of a column with binary data a change is noticed by its size. The second form stands for more rows than IDS, or for a
transaction that has told TOLD characters already: all that is known is that the rows lie between two ids, null if not
even that.

Models that share a table are told each on its own channel. So is a model of what is written to the records that it
delegates to (``_inherits``: what changes a partner changes his user, "fields" being null), and to a table that inherits
from its table, or is a partition of it.

============================  ========================================================================================
PostgreSQL 10 and later       one trigger a statement, which sees its rows in transition tables
9.1 to 9.6                    one trigger a statement, which does not: once a transaction, an event that says "many"
============================  ========================================================================================

What a trigger costs is the planning of its statements: both hosts take each connection from their pool by psycopg2's
``reset()``, which is DISCARD ALL, and so each transaction plans anew what it runs. Hence the functions below: one for
each operation, and in it one INSERT that does all in the ordinary case. Each condition, assignment or NULL of PL/pgSQL
beside it would be a query of its own to be planned (10 us; each column that is compared, 8 us).

The triggers are the functions' only users, and these run with the rights of their owner, the host's role: whoever may
write the table needs no rights in the feed. Not seen is what PostgreSQL runs no triggers for
(``session_replication_role = replica``, ``ALTER TABLE ... DISABLE TRIGGER``), and what a write changes elsewhere: of a
many2many field the ORM says it by the record's ``write_date``, but SQL on the relation's table does not.
"""
import hashlib
import json
import logging

import psycopg2

_logger = logging.getLogger(__name__)

PREFIX = 'longpolling_watch_'

# The ids that one statement tells, and the characters of all that one transaction tells of a model and an operation.
IDS = 1000
TOLD = 10000

# Seconds that may pass until a trigger can be made: it waits for transactions that write the table, and others for it.
PATIENCE = 10

# The PostgreSQL from which on triggers have transition tables.
TRANSITION = 100000

# Of each operation: its trigger, what it is called in events, its transition tables and the one whose ids are told, and
# whether the lowest of many ids is told once nothing more is: ids of new rows mostly grow.
_EVENTS = (
    ('insert', 'create', 'REFERENCING NEW TABLE AS new_rows', 'new_rows', True),
    ('update', 'write', 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows', 'new_rows', False),
    ('delete', 'unlink', 'REFERENCING OLD TABLE AS old_rows', 'old_rows', False),
    ('truncate', 'unlink', '', None, False),
)

# A statement without rows runs the trigger, too. What is told so far is kept in a setting of the transaction, which a
# savepoint takes back together with the rows; it grows no longer than it must to be too long. The function runs with
# the rights of its owner: the names in it are looked up in pg_catalog alone, and the feed's table by its schema.
_FUNCTION = u"""
#variable_conflict use_variable
DECLARE
    nothing text;           -- returned; NULL would be an expression to plan
    fields text;
    number bigint;
    lowest bigint;
    highest bigint;
BEGIN{compare}
    INSERT INTO {feed} (channel, payload) SELECT {channel}, {payload} FROM {rows}
    HAVING count(*) BETWEEN 1 AND {most} AND
        octet_length(set_config({told}, left(concat(current_setting({told}, true), {payload}),
            {limit} + 1), true)) <= {limit};
    IF NOT FOUND THEN
        SELECT count(*), min(id), max(id) INTO number, lowest, highest FROM {rows};
        IF number = 0 OR NULLIF(current_setting({ended}, true), '')::bigint <= lowest THEN
            RETURN nothing;
        ELSIF number <= {most} OR octet_length(set_config({told}, left(concat(current_setting({told}, true),
                repeat('.', 100)), {limit} + 1), true)) > {limit} THEN
            -- Others of this transaction may follow, and nothing is told of them: of new ones, if their ids grow.
            lowest := CASE WHEN COALESCE(current_setting({ended}, true), '') = '' THEN {first} END;
            highest := NULL;
            PERFORM set_config({ended}, COALESCE(lowest, -9223372036854775808)::text, true);
        END IF;
        INSERT INTO {feed} (channel, payload) VALUES ({channel}, concat(
            '{{"operation":"{operation}","many":true,"from":', COALESCE(lowest::text, 'null'),
            ',"to":', COALESCE(highest::text, 'null'), '}}'));
    END IF;
    RETURN nothing;
END"""
_PAYLOAD = u"""concat('{{"operation":"{operation}","ids":[', string_agg(id::text, ','), '],"fields":{fields}}}')"""
# In a block of its own, since a column that has gone is no reason for a write to fail.
_COMPARE = u"""
    BEGIN
        SELECT concat('[', concat_ws(',', {columns}), ']') INTO fields
        FROM old_rows AS o JOIN new_rows AS n ON o.id = n.id;
    EXCEPTION WHEN undefined_column OR undefined_function OR datatype_mismatch THEN
        fields := NULL;
    END;"""
_ALL = u"""
DECLARE
    nothing text;
BEGIN
    INSERT INTO {feed} (channel, payload) VALUES ({channel}, {many});
    RETURN nothing;
END"""
_OLD_FUNCTION = u"""
BEGIN
    INSERT INTO {feed} (channel, payload) SELECT {channel}, {many}
        WHERE NOT EXISTS (SELECT 1 FROM {feed} AS event WHERE event.txid = txid_current()
            AND event.channel = {channel} AND event.payload = {many});
    RETURN NULL;
END"""
_MANY = '{"operation":"%s","many":true,"from":null,"to":null}'

# A restore without privileges lets everybody use the functions: these are made anew.
_WATCHED = """
    SELECT c.relname, p.proname, CASE WHEN has_function_privilege('public', p.oid, 'EXECUTE') THEN '' ELSE p.prosrc END,
        t.tgname FROM pg_proc AS p
    LEFT JOIN pg_trigger AS t ON t.tgfoid = p.oid LEFT JOIN pg_class AS c ON c.oid = t.tgrelid
    WHERE p.proname LIKE 'longpolling\\_watch\\_%' AND p.pronamespace = (
        SELECT relnamespace FROM pg_class WHERE oid = 'longpolling_event'::regclass)"""
# The tables that inherit from another one, and its partitions, by themselves or through others.
_HEIRS = """
    WITH RECURSIVE heir (root, oid) AS (
        SELECT c.relname, i.inhrelid FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhparent
        WHERE c.relname = ANY(%s) AND pg_table_is_visible(c.oid)
        UNION SELECT heir.root, i.inhrelid FROM heir JOIN pg_inherits AS i ON i.inhparent = heir.oid)
    SELECT heir.root, c.relname FROM heir JOIN pg_class AS c ON c.oid = heir.oid
    WHERE c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid) ORDER BY 1, 2"""
_COLUMNS = """
    SELECT c.relname, a.attname, a.atttypid::regtype::text FROM pg_class AS c
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relname = ANY(%s) AND c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid) ORDER BY a.attnum"""

# Compared as they are; the rest has no equality, or none that is worth its time.
_COMPARABLE = frozenset([
    'smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision', 'boolean', 'character varying', 'text',
    'character', 'date', 'timestamp without time zone', 'timestamp with time zone', 'jsonb', 'uuid'])


def channel_of(model):
    """The name of the channel of a model's changes."""
    return 'model:' + model


def named(model):
    """The fields whose changes a model's class has told, a list."""
    declared = getattr(model, '_longpolling_watch', False)
    return sorted(declared) if isinstance(declared, (list, tuple, set, frozenset)) else []


def tables(cr):
    """The names of the tables that have triggers now, a frozenset."""
    cr.execute("SELECT relname FROM pg_class WHERE oid IN (SELECT tgrelid FROM pg_trigger "
               "WHERE tgname LIKE 'longpolling\\_watch\\_%')")
    return frozenset(row[0] for row in cr.fetchall())


def delegated(name, get):
    """Of the records that a model delegates to, by itself or through others: how its own are found by them.

    :param name: the model's
    :param get: function of a name that gives the model
    :returns: list of paths: a path is a list of pairs of a table and its column that refers to the next one, the
        model's own table first; and at the end the pair of the last table and None
    """
    paths, begun = [], [([], name)]
    while begun:
        path, name = begun.pop()
        model = get(name)
        if model is None or model._table in [table for table, _ in path]:
            continue
        if path:
            paths.append(path + [(model._table, None)])
        begun += [(path + [(model._table, column)], parent) for parent, column in sorted(model._inherits.items())]
    return sorted(paths, key=repr)


def sync(cr, wanted, fields=None, parents=None):
    """Make triggers for the tables of these models, and drop all others.

    What is there already costs three queries. A table that is being written by a long transaction is left for the next
    time, with a warning.

    :param cr: a cursor of the host's
    :param wanted: dict of tables' names by models' names; views and what does not exist are left out
    :param fields: dict of lists of fields by models' names: of changes of these, events say which
    :param parents: dict of what :func:`delegated` gives, by models' names
    :returns: list of the models whose triggers could not be made or dropped
    """
    cr.execute(_WATCHED)
    there, used, every = {}, set(), set()
    for table, name, source, trigger in cr.fetchall():
        every.add(name)
        if table is not None:
            used.add(name)
            there.setdefault(table, {})[trigger] = (name, source)
    cr.execute(_HEIRS, (sorted(set(wanted.values())),))
    heirs = {}
    for root, heir in cr.fetchall():
        heirs.setdefault(root, []).append(heir)
    known = set(wanted.values()).union(*heirs.values())
    for path in [path for paths in (parents or {}).values() for path in paths]:
        known.update(table for table, _ in path)
    columns = {}
    cr.execute(_COLUMNS, (sorted(known),))
    for table, column, kind in cr.fetchall():
        columns.setdefault(table, []).append((column, kind))
    late = []
    cr.execute("SELECT current_setting('server_version_num')::integer, quote_ident(nspname) FROM pg_namespace "
               "WHERE oid = (SELECT relnamespace FROM pg_class WHERE oid = 'longpolling_event'::regclass)")
    version, schema = cr.fetchone()
    told = {}       # by table, of whom: list of (model, path to it)
    for model, table in sorted(wanted.items()):
        for each in [table] + heirs.get(table, []):
            told.setdefault(each, []).append((model, ()))
        for path in (parents or {}).get(model, ()):
            told.setdefault(path[-1][0], []).append((model, path))
    names = {}
    for table, models in sorted(told.items()):
        functions = {}
        for model, path in models:
            needed = [each for each in path if each[1] is not None] + [(table, 'id')]
            if not all(column in [name for name, _ in columns.get(each, ())] for each, column in needed):
                continue
            named = [each for each in columns[table] if each[0] in (fields or {}).get(model, ())]
            functions.update(_functions(model, table, named, schema, version, path, not functions))
            names.setdefault(table, model)
        if not functions:
            continue
        found = there.pop(table, {})
        if found != functions:
            if not _attempt(cr, table, lambda: _make(cr, schema, table, functions, found, version)):     # noqa: B023
                late.append(names[table])
    for table, found in sorted(there.items()):
        if not _attempt(cr, table, lambda: _drop(cr, schema, found)):       # noqa: B023
            late.append(table)
    # The functions of a table that has gone, and of no other one by now.
    left = every - used
    if left:
        cr.execute("SELECT proname FROM pg_proc AS p WHERE proname = ANY(%s) AND NOT EXISTS ("
                   "SELECT 1 FROM pg_trigger WHERE tgfoid = p.oid)", (sorted(left),))
        left = [row[0] for row in cr.fetchall()]
        _attempt(cr, ', '.join(left), lambda: _drop(cr, schema, dict((name, (name, '')) for name in left)))
    return late


def drop(cr):
    """Drop all triggers; the removal of the module calls this before the feed's tables go."""
    cr.execute("SELECT p.oid::regprocedure::text FROM pg_proc AS p WHERE p.proname LIKE 'longpolling\\_watch\\_%'")
    for (name,) in cr.fetchall():
        cr.execute('DROP FUNCTION %s CASCADE' % name)


def _functions(model, table, columns, schema, version, path=(), first=True):
    """The functions of a table's triggers: dict of (name, source) by the triggers' names.

    :param columns: list of (name, type) of those whose changes are told
    :param path: how the model's records are found by those of the table, if it delegates to them
    :param first: whether these are the first ones of the table
    """
    functions = {}
    whose = table if first else '%s %s %s' % (table, model, ' '.join(column for _, column in path[:-1]))
    digest = hashlib.md5(whose.encode('utf-8')).hexdigest()[:16]     # noqa: S324
    for event, operation, _, rows, grows in _EVENTS:
        if path and event != 'update':
            continue        # of what there is of the model, nothing comes and nothing goes
        name = '%s%s_%s' % (PREFIX, event, table)
        if not first or len(name.encode('utf-8')) > 63:
            name = '%s%s_%s' % (PREFIX, event, digest)
        compared = columns if event == 'update' and not path else ()
        values = {
            'channel': _literal(channel_of(model)), 'feed': schema + '.longpolling_event',
            'rows': _reached(path, rows, schema) if path else rows,
            'operation': operation, 'most': IDS, 'limit': TOLD, 'first': 'lowest' if grows else 'NULL',
            'many': _literal(_MANY % operation), 'told': "'longpolling.%s_%s'" % (operation, digest),
            'ended': "'longpolling.%s_from_%s'" % (operation, digest),
            'compare': _COMPARE.format(columns=', '.join(_compared(*each) for each in compared)) if compared else '',
        }
        values['payload'] = _PAYLOAD.format(
            operation=operation, fields=u"', COALESCE(fields, 'null'), '" if compared else 'null')
        body = _OLD_FUNCTION if version < TRANSITION else _FUNCTION if rows else _ALL
        functions[PREFIX + event + ('' if first else '_' + digest)] = (name, body.format(**values))
    return functions


def _reached(path, rows, schema):
    """SQL of the ids of the records that are found along a path by the rows of a transition table."""
    sql = u'(SELECT t0.id FROM %s.%s AS t0' % (schema, _identifier(path[0][0]))
    for number, (table, _) in enumerate(path[1:-1], 1):
        sql += u' JOIN %s.%s AS t%d ON t%d.id = t%d.%s' % (
            schema, _identifier(table), number, number, number - 1, _identifier(path[number - 1][1]))
    last = len(path) - 2
    return sql + u' JOIN %s AS n ON n.id = t%d.%s) AS reached' % (rows, last, _identifier(path[last][1]))


def _compared(column, kind):
    """SQL that gives the column's name, as JSON, if one of the rows has changed in it, and NULL if none has."""
    form = u'%s' if kind in _COMPARABLE else u'octet_length(%s)' if kind == 'bytea' else u'%s::text'
    old, new = [form % (row + '.' + _identifier(column)) for row in 'on']
    return u'CASE WHEN bool_or(%s IS DISTINCT FROM %s) THEN %s END' % (old, new, _literal(json.dumps(column)))


def _identifier(name):
    return u'"%s"' % name.replace(u'"', u'""')


def _literal(text):
    return u"'%s'" % text.replace(u"'", u"''")


# PostgreSQL has it from 9.3 on.
_PATIENT = "SELECT set_config(name, %s, true) FROM pg_settings WHERE name = 'lock_timeout'"


def _attempt(cr, table, change):
    """Whether `change` could be made within PATIENCE; of what could not, nothing is left."""
    cr.execute("SELECT current_setting(name) FROM pg_settings WHERE name = 'lock_timeout'")
    before = [row[0] for row in cr.fetchall()]
    cr.execute("SAVEPOINT longpolling_watch")
    try:
        cr.execute(_PATIENT, ('%ds' % PATIENCE,))
        cr.execute("SELECT pg_advisory_xact_lock(hashtext('longpolling_watch'))")    # which a stranger may hold, too
        change()
        if before:
            cr.execute(_PATIENT, (before[0],))
    except psycopg2.Error as error:
        cr.execute("ROLLBACK TO SAVEPOINT longpolling_watch")
        _logger.warning("The changes of table %s can't be watched, or left unwatched, before it is loaded again: %s",
                        table, ' '.join(str(error).split()))
        return False
    cr.execute("RELEASE SAVEPOINT longpolling_watch")
    return True


def _make(cr, schema, table, functions, found, version):
    kept = [name for name, _ in functions.values()]
    _drop(cr, schema, dict(each for each in found.items() if each[1][0] not in kept))
    transition = dict((event, rows) for event, _, rows, _, _ in _EVENTS)
    for trigger, (name, source) in sorted(functions.items()):
        cr.execute(u'CREATE OR REPLACE FUNCTION %s.%s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER '
                   u'SET search_path = pg_catalog, pg_temp AS %%s' % (schema, _identifier(name)), (source,))
        cr.execute(u'REVOKE ALL ON FUNCTION %s.%s() FROM PUBLIC' % (schema, _identifier(name)))
        if found.get(trigger, ('',))[0] != name:
            event = trigger[len(PREFIX):].split('_')[0]
            cr.execute(u'CREATE TRIGGER %s AFTER %s ON %s.%s %s FOR EACH STATEMENT EXECUTE PROCEDURE %s.%s()' % (
                trigger, event.upper(), schema, _identifier(table), transition[event] if version >= TRANSITION else '',
                schema, _identifier(name)))


def _drop(cr, schema, found):
    for name in sorted(set(name for name, _ in found.values())):
        cr.execute(u'DROP FUNCTION %s.%s() CASCADE' % (schema, _identifier(name)))
