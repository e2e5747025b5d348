# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The changes of watched models: triggers that put an event on the channel ``model:NAME``.

A model is watched if its class says so (``_longpolling_watch = True``) or an administrator has listed it
(``longpolling.watch``). What then writes its table is seen, whoever it is: the ORM, recomputed fields, SQL, other
programs. Each statement is one event of the writer's own transaction, a row like those of ``longpolling.publish``::

    {"operation": "create" | "write" | "unlink", "ids": [...], "fields": [...] or null}
    {"operation": ..., "many": true, "from": id or null, "to": id or null}

``fields`` are the columns that have changed, null where that is not known: after more than FEW rows, or where columns
have come or gone since the registry was loaded. Of a column with binary data a change is noticed by its size. The
second form stands for more rows than IDS: all that is known is that they lie between two ids, null if not even that.

============================  ========================================================================================
PostgreSQL 10 and later       one trigger a statement, which sees its rows in transition tables
9.1 to 9.6                    one trigger a statement, which does not: once a transaction, an event that says "many"
============================  ========================================================================================

The triggers are the functions' only users, and these run with the rights of their owner, the host's role: whoever may
write the table needs no rights in the feed. Not seen is what PostgreSQL runs no triggers for
(``session_replication_role = replica``, ``ALTER TABLE ... DISABLE TRIGGER``), and what a write changes elsewhere: of a
many2many field the ORM says it by the record's ``write_date``, but SQL on the relation's table does not.
"""
import hashlib
import logging

import psycopg2

_logger = logging.getLogger(__name__)

PREFIX = 'longpolling_watch_'

# The ids that one transaction tells of a model and an operation; each event counts for EVENT more of them.
IDS = 1000
EVENT = 9
# Rows of a statement of which the changed columns are told.
FEW = 100

# Seconds that may pass until a trigger can be made: it waits for transactions that write the table, and others for it.
PATIENCE = 10

# The PostgreSQL from which on triggers have transition tables.
TRANSITION = 100000

_EVENTS = (
    ('insert', 'INSERT', 'REFERENCING NEW TABLE AS new_rows'),
    ('update', 'UPDATE', 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows'),
    ('delete', 'DELETE', 'REFERENCING OLD TABLE AS old_rows'),
    ('truncate', 'TRUNCATE', ''),
)

# A statement without rows runs the trigger, too. What is told so far is counted in a setting of the transaction, which
# a savepoint takes back together with the rows. The name of the function's owner goes with the rights: the names in it
# are looked up in pg_catalog alone, and the feed's table by its schema.
_FUNCTION = u"""
DECLARE
    counter text := 'longpolling.' || TG_OP || '_' || TG_RELID;
    told integer := COALESCE(NULLIF(current_setting(counter, true), ''), '0')::integer;
    channel text := {channel};
    operation text := CASE TG_OP WHEN 'INSERT' THEN 'create' WHEN 'UPDATE' THEN 'write' ELSE 'unlink' END;
    ids bigint[];
    number integer;
    lowest bigint;
    highest bigint;
    fields text[];
    payload text;
BEGIN
    IF told > 2 * {most} OR to_regclass({feed}) IS NULL THEN
        RETURN NULL;
    ELSIF TG_OP = 'TRUNCATE' THEN
        number := {most} + 1;
    ELSIF TG_OP = 'DELETE' THEN
        ids := ARRAY(SELECT id FROM old_rows LIMIT {most} + 1);
    ELSE
        ids := ARRAY(SELECT id FROM new_rows LIMIT {most} + 1);
    END IF;
    number := COALESCE(number, cardinality(ids));
    IF number = 0 THEN
        RETURN NULL;
    ELSIF told + number > {most} THEN
        IF number <= {most} THEN
            -- Others of this transaction may follow, and nothing is told of them: ids of new rows grow.
            told := 2 * {most};
            IF TG_OP = 'INSERT' THEN
                SELECT min(id) INTO lowest FROM new_rows;
            END IF;
        ELSIF TG_OP = 'DELETE' THEN
            SELECT min(id), max(id) INTO lowest, highest FROM old_rows;
        ELSIF TG_OP <> 'TRUNCATE' THEN
            SELECT min(id), max(id) INTO lowest, highest FROM new_rows;
        END IF;
        payload := '{{"operation":"' || operation || '","many":true,"from":' || COALESCE(lowest::text, 'null') ||
            ',"to":' || COALESCE(highest::text, 'null') || '}}';
        number := 1;
    ELSE
        IF TG_OP = 'UPDATE' AND number <= {few} THEN
            BEGIN
                -- The most frequent case has a statement of its own, since aggregates take long to set up.
                IF number = 1 THEN
                    SELECT array_remove(ARRAY[{one}]::text[], NULL) INTO fields FROM old_rows AS o, new_rows AS n;
                ELSE
                    SELECT array_remove(ARRAY[{several}]::text[], NULL) INTO fields
                    FROM old_rows AS o JOIN new_rows AS n ON o.id = n.id;
                END IF;
            EXCEPTION WHEN undefined_column OR undefined_function OR datatype_mismatch THEN
                fields := '{{}}';         -- a column has gone
            END;
        END IF;
        payload := '{{"operation":"' || operation || '","ids":[' || array_to_string(ids, ',') || '],"fields":' ||
            CASE WHEN cardinality(fields) > 0 THEN to_json(fields)::text ELSE 'null' END || '}}';
    END IF;
    PERFORM set_config(counter, (told + number + {event})::text, true);
    INSERT INTO {feed_table} (channel, payload) VALUES (channel, payload);
    RETURN NULL;
END"""
_OLD_FUNCTION = u"""
BEGIN
    INSERT INTO {feed_table} (channel, payload) SELECT
        {channel}, '{{"operation":"' || CASE TG_OP WHEN 'INSERT' THEN 'create' WHEN 'UPDATE' THEN 'write'
            ELSE 'unlink' END || '","many":true,"from":null,"to":null}}'
        WHERE NOT EXISTS (SELECT 1 FROM {feed_table} AS event WHERE event.txid = txid_current()
            AND event.channel = {channel} AND event.payload LIKE '%"many":true,"from":null%');
    RETURN NULL;
END"""

_WATCHED = """
    SELECT c.relname, p.proname, p.prosrc, count(*) FROM pg_trigger AS t
    JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_proc AS p ON p.oid = t.tgfoid
    WHERE p.proname LIKE 'longpolling\\_watch\\_%' AND c.relnamespace = (
        SELECT relnamespace FROM pg_class WHERE oid = 'longpolling_event'::regclass)
    GROUP BY c.relname, p.proname, p.prosrc"""
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


def tables(cr):
    """The names of the tables that have triggers now, a frozenset."""
    cr.execute("SELECT relname FROM pg_class WHERE oid IN (SELECT tgrelid FROM pg_trigger "
               "WHERE tgname LIKE 'longpolling\\_watch\\_%')")
    return frozenset(row[0] for row in cr.fetchall())


def sync(cr, wanted):
    """Make triggers for the tables of these models, and drop all others.

    What is there already costs two queries. A table that is being written by a long transaction is left for the next
    time, with a warning.

    :param cr: a cursor of the host's
    :param wanted: dict of tables' names by models' names; views and what does not exist are left out
    :returns: list of the models whose triggers could not be made or dropped
    """
    cr.execute(_WATCHED)
    there = dict((row[0], row[1:]) for row in cr.fetchall())
    columns = {}
    cr.execute(_COLUMNS, (sorted(wanted.values()),))
    for table, column, kind in cr.fetchall():
        columns.setdefault(table, []).append((column, kind))
    late = []
    cr.execute("SELECT current_setting('server_version_num')::integer, quote_ident(nspname) FROM pg_namespace "
               "WHERE oid = (SELECT relnamespace FROM pg_class WHERE oid = 'longpolling_event'::regclass)")
    version, schema = cr.fetchone()
    for model, table in sorted(wanted.items()):
        if 'id' not in [column for column, _ in columns.get(table, ())]:
            continue
        name, source = _function(model, table, columns[table], schema, version)
        if there.pop(table, None) != (name, source, len(_EVENTS)):
            if not _attempt(cr, table, lambda: _make(cr, schema, table, name, source, version)):    # noqa: B023
                late.append(model)
    for table, (name, _, _) in sorted(there.items()):
        if not _attempt(cr, table, lambda: _drop(cr, schema, name)):       # noqa: B023
            late.append(table)
    return late


def drop(cr):
    """Drop all triggers; the removal of the module calls this before the feed's tables go."""
    cr.execute("SELECT p.oid::regprocedure::text FROM pg_proc AS p WHERE p.proname LIKE 'longpolling\\_watch\\_%'")
    for (name,) in cr.fetchall():
        cr.execute('DROP FUNCTION %s CASCADE' % name)


def _function(model, table, columns, schema, version):
    """Name and source of the function of a table's triggers."""
    name = PREFIX + table
    if len(name) > 63:
        name = PREFIX + hashlib.md5(table.encode('utf-8')).hexdigest()      # noqa: S324
    feed_table = schema + '.longpolling_event'
    source = (_FUNCTION if version >= TRANSITION else _OLD_FUNCTION).format(
        channel=_literal(channel_of(model)), feed=_literal(feed_table), feed_table=feed_table, most=IDS, few=FEW,
        event=EVENT, **dict(
            (name, ', '.join(_compared(column, kind, form) for column, kind in columns if column != 'id'))
            for name, form in (('one', u'%s'), ('several', u'bool_or(%s)'))))
    return name, source


def _compared(column, kind, several):
    """SQL that gives the column's name if one of the rows has changed in it, and NULL if none has."""
    form = u'%s' if kind in _COMPARABLE else u'octet_length(%s)' if kind == 'bytea' else u'%s::text'
    old, new = [form % (row + '.' + _identifier(column)) for row in 'on']
    return u'CASE WHEN %s THEN %s END' % (several % (u'%s IS DISTINCT FROM %s' % (old, new)), _literal(column))


def _identifier(name):
    return u'"%s"' % name.replace(u'"', u'""')


def _literal(text):
    return u"'%s'" % text.replace(u"'", u"''")


def _attempt(cr, table, change):
    """Whether `change` could be made within PATIENCE; of what could not, nothing is left."""
    cr.execute("SELECT pg_advisory_xact_lock(hashtext('longpolling_watch'))")
    cr.execute("SAVEPOINT longpolling_watch")
    try:
        cr.execute("SET LOCAL lock_timeout = '%ds'" % PATIENCE)
        change()
        cr.execute("SET LOCAL lock_timeout = 0")
    except psycopg2.Error as error:
        cr.execute("ROLLBACK TO SAVEPOINT longpolling_watch")
        _logger.warning("The changes of table %s can't be watched, or left unwatched, before it is loaded again: %s",
                        table, ' '.join(str(error).split()))
        return False
    cr.execute("RELEASE SAVEPOINT longpolling_watch")
    return True


def _make(cr, schema, table, name, source, version):
    cr.execute(u'CREATE OR REPLACE FUNCTION %s.%s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER '
               u'SET search_path = pg_catalog, pg_temp AS %%s' % (schema, _identifier(name)), (source,))
    cr.execute(u'REVOKE ALL ON FUNCTION %s.%s() FROM PUBLIC' % (schema, _identifier(name)))
    for event, when, rows in _EVENTS:
        trigger = PREFIX + event
        cr.execute("SELECT 1 FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid "
                   "WHERE tgrelid = %s::regclass AND tgname = %s AND proname = %s",
                   (u'%s.%s' % (schema, _identifier(table)), trigger, name))
        if not cr.fetchone():
            cr.execute(u'DROP TRIGGER IF EXISTS %s ON %s.%s' % (trigger, schema, _identifier(table)))
            cr.execute(u'CREATE TRIGGER %s AFTER %s ON %s.%s %s FOR EACH STATEMENT EXECUTE PROCEDURE %s.%s()' % (
                trigger, when, schema, _identifier(table), rows if version >= TRANSITION else '', schema,
                _identifier(name)))


def _drop(cr, schema, name):
    cr.execute(u'DROP FUNCTION %s.%s() CASCADE' % (schema, _identifier(name)))
