# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The feed in the database: its tables, what they are brought to by an update, and what is forgotten.

An id is taken when a row is written, but rows become visible when their transactions commit, in another order: a
reader that pages by ``id > last`` misses the smaller id that commits later. So each event carries the id of its
transaction, and a reader remembers a snapshot (``txid_current_snapshot()``), which says exactly which transactions it
has seen: see ``positions.py``.

========================  ============================================================================================
longpolling_event         the events: id (order of publishing), txid, channel, payload (JSON text, or NULL for a signal)
longpolling_purged        which channels have lost events of which transactions to the purge, up to which id
longpolling_mark          snapshots of the past: what one of them sees has been visible since then
longpolling_origin        one row: which database, of which server, the transaction ids above belong to
longpolling_ticket        who may follow which channels until when: see ``tickets.py``
========================  ============================================================================================

PostgreSQL 9.1 and later.
"""

# Seconds that the purge remembers which events it has deleted, beyond the retention: a multiple of it. Who comes back
# still later gets "missed" if any event may be missing.
REMEMBERED = 3

# The indexes that a restore makes after the rows are there.
INDEXES = ('longpolling_event_pkey', 'longpolling_event_channel')

# The key is what readers look for; a key of the ids alone beside an index of the txids would cost writers 3 %.
_TABLES = """
CREATE TABLE longpolling_event (
    id bigserial,
    txid bigint NOT NULL DEFAULT txid_current(),
    channel varchar NOT NULL,
    payload text,
    create_date timestamp NOT NULL DEFAULT (clock_timestamp() AT TIME ZONE 'UTC'),
    PRIMARY KEY (txid, id)
);
"""
# Whether a column of the events is there and as it must be.
_COLUMN = """
    SELECT 1 FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = 'longpolling_event'::regclass AND attname = '%s' AND NOT attisdropped AND %s"""
# Whatever of it is missing, or is of the first design, is made good: by an update of the module, and after a restore
# that has failed half-way.
_REPAIRS = (
    ("SELECT 1 FROM pg_class WHERE relname = 'longpolling_event' AND relkind = 'r'", _TABLES),
    (_COLUMN % ('txid', 'true'), """
        DROP TRIGGER IF EXISTS longpolling_number_event ON longpolling_event;
        DROP FUNCTION IF EXISTS longpolling_number_event();
        ALTER TABLE longpolling_event DROP COLUMN IF EXISTS position CASCADE,
            ADD COLUMN txid bigint NOT NULL DEFAULT txid_current();
        DROP SEQUENCE IF EXISTS longpolling_event_position;
        DROP INDEX IF EXISTS longpolling_event_date;
        DELETE FROM ir_config_parameter WHERE key = 'longpolling.horizon'"""),
    (_COLUMN % ('payload', 'NOT attnotnull'), "ALTER TABLE longpolling_event ALTER COLUMN payload DROP NOT NULL"),
    (_COLUMN % ('txid', "pg_get_expr(adbin, adrelid) LIKE 'txid_current%'"),
     "ALTER TABLE longpolling_event ALTER COLUMN txid SET DEFAULT txid_current()"),
    (_COLUMN % ('create_date', "pg_get_expr(adbin, adrelid) LIKE '%clock_timestamp%'"),
     "ALTER TABLE longpolling_event ALTER COLUMN create_date SET DEFAULT (clock_timestamp() AT TIME ZONE 'UTC')"),
    (_COLUMN % ('id', "pg_get_expr(adbin, adrelid) LIKE 'nextval%'"), """
        CREATE SEQUENCE longpolling_event_id_seq OWNED BY longpolling_event.id;
        SELECT setval('longpolling_event_id_seq', (SELECT COALESCE(max(id), 0) + 1 FROM longpolling_event));
        ALTER TABLE longpolling_event ALTER COLUMN id SET DEFAULT nextval('longpolling_event_id_seq')"""),
    ("""
        SELECT 1 FROM pg_constraint WHERE conrelid = 'longpolling_event'::regclass AND contype = 'p'
            AND pg_get_constraintdef(oid) = 'PRIMARY KEY (txid, id)'""", """
        ALTER TABLE longpolling_event DROP CONSTRAINT IF EXISTS longpolling_event_pkey,
            ADD PRIMARY KEY (txid, id);
        DROP INDEX IF EXISTS longpolling_event_txid"""),
    ("SELECT 1 FROM pg_indexes WHERE indexname = 'longpolling_event_channel' AND indexdef LIKE '%(channel, id)'",
     """
        DROP INDEX IF EXISTS longpolling_event_channel;
        CREATE INDEX longpolling_event_channel ON longpolling_event (channel, id)"""),
    ("SELECT 1 FROM pg_class WHERE relname = 'longpolling_purged' AND relkind = 'r'", """
        CREATE TABLE longpolling_purged (
            txid bigint NOT NULL,
            channel varchar NOT NULL,
            id bigint NOT NULL,
            purged timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'))"""),
    ("SELECT 1 FROM pg_class WHERE relname = 'longpolling_purged_txid'",
     "CREATE INDEX longpolling_purged_txid ON longpolling_purged (txid)"),
    ("SELECT 1 FROM pg_class WHERE relname = 'longpolling_mark' AND relkind = 'r'", """
        CREATE TABLE longpolling_mark (
            taken timestamp NOT NULL DEFAULT (clock_timestamp() AT TIME ZONE 'UTC'),
            snapshot txid_snapshot NOT NULL DEFAULT txid_current_snapshot())"""),
    ("SELECT 1 FROM longpolling_mark", "INSERT INTO longpolling_mark DEFAULT VALUES"),
    ("SELECT 1 FROM pg_class WHERE relname = 'longpolling_origin' AND relkind = 'r'",
     "CREATE TABLE longpolling_origin (identity varchar NOT NULL, horizon bigint NOT NULL DEFAULT 0)"),
    ("SELECT 1 FROM pg_class WHERE relname = 'longpolling_ticket' AND relkind = 'r'", """
        CREATE TABLE longpolling_ticket (
            digest varchar PRIMARY KEY,
            uid integer,
            channels text NOT NULL,
            expires timestamp NOT NULL)"""),
)

_DROP = """
DROP TABLE IF EXISTS longpolling_event, longpolling_purged, longpolling_mark, longpolling_origin,
    longpolling_ticket;
DROP FUNCTION IF EXISTS longpolling_number_event();
"""


def create(cr):
    """Bring the feed's tables to what this version needs; installing and updating the module call this.

    Positions of the first design mean nothing any more: a page that sends one gets "missed".
    """
    for check, repair in _REPAIRS:
        cr.execute(check)
        if not cr.fetchone():
            cr.execute(repair)
    adopt(cr)


def drop(cr):
    """Drop all that :func:`create` made; the removal of the module calls this."""
    cr.execute(_DROP)


def adopt(cr):
    """Forget the events whose transaction ids are not of this database: it is a copy, was restored, or promoted.

    Rows that a restore has brought carry numbers of another server's (or an earlier) count of transactions. As they
    would come again when this server's count reaches them, they are deleted. Positions of before are recognised by the
    identity, and a page that sends one gets "missed".

    :param cr: a cursor that may write
    :returns: the identity of the feed, a text
    """
    cr.execute("SELECT identity FROM longpolling_origin FOR UPDATE")
    row = cr.fetchone()
    now = identity(cr)
    if row is None:
        cr.execute("INSERT INTO longpolling_origin (identity) VALUES (%s)", (now,))
    elif row[0] != now:
        cr.execute("DELETE FROM longpolling_event; DELETE FROM longpolling_purged; DELETE FROM longpolling_mark; "
                   "DELETE FROM longpolling_ticket; INSERT INTO longpolling_mark DEFAULT VALUES")
        cr.execute("UPDATE longpolling_origin SET identity = %s, horizon = 0", (now,))
    return now


def identity(cr):
    """The identity of the feed as it must be here: server, timeline, database, table.

    It changes whenever the count of transactions may be another one. A copy of the server's files that is started
    without recovery goes unnoticed, as everything in it is the same; only positions that are ahead of it are noticed.

    :returns: text, the oid of the table at the end, after a slash
    """
    cr.execute("SELECT (SELECT oid::bigint FROM pg_database WHERE datname = current_database()), "
               "'longpolling_event'::regclass::oid::bigint, current_setting('server_version_num')::int")
    database, table, version = cr.fetchone()
    # The first eight characters of the name of a segment of the log are the timeline.
    if version >= 100000:
        cr.execute("SELECT (SELECT system_identifier FROM pg_control_system()), "
                   "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)")
    elif version >= 90600:
        cr.execute("SELECT (SELECT system_identifier FROM pg_control_system()), "
                   "substr(pg_xlogfile_name(pg_current_xlog_location()), 1, 8)")
    else:
        cr.execute("SELECT 0, substr(pg_xlogfile_name(pg_current_xlog_location()), 1, 8)")
    system, timeline = cr.fetchone()
    return '%s/%s/%s/%s' % (system, timeline, database, table)


# Written so far ago, and seen by a snapshot that was taken so far ago. Only before there is such a snapshot (in a
# database that has had the module for less than the retention) does the time of writing alone decide.
_PURGE = """
    WITH deleted AS (
        DELETE FROM longpolling_event
        WHERE create_date < (now() AT TIME ZONE 'UTC') - %(age)s * interval '1 s' AND COALESCE((
            SELECT txid_visible_in_snapshot(longpolling_event.txid, snapshot) FROM longpolling_mark
            WHERE taken <= (now() AT TIME ZONE 'UTC') - %(age)s * interval '1 s' ORDER BY taken DESC LIMIT 1), true)
        RETURNING id, txid, channel
    ), noted AS (
        INSERT INTO longpolling_purged (txid, channel, id) SELECT txid, channel, max(id) FROM deleted GROUP BY 1, 2
    )
    SELECT count(*) FROM deleted"""


def purge(cr, retention):
    """Delete the events that have been visible for `retention` seconds, and remember which channels have lost some.

    How long an event has been visible is known from the marks that earlier purges have made, so a transaction that
    goes on for longer than the retention loses nothing: its events are kept from the first purge after its commit.

    :param retention: seconds
    :returns: how many were deleted
    """
    cr.execute(_PURGE, {'age': retention})
    [(deleted,)] = cr.fetchall()
    cr.execute("DELETE FROM longpolling_purged WHERE purged < (now() AT TIME ZONE 'UTC') - %s * interval '1 s' "
               "RETURNING txid", (REMEMBERED * retention,))
    forgotten = [row[0] for row in cr.fetchall()]
    if forgotten:
        cr.execute("UPDATE longpolling_origin SET horizon = GREATEST(horizon, %s)", (max(forgotten),))
    cr.execute("DELETE FROM longpolling_mark WHERE taken < (SELECT max(taken) FROM longpolling_mark "
               "WHERE taken <= (now() AT TIME ZONE 'UTC') - %s * interval '1 s')", (retention,))
    cr.execute("INSERT INTO longpolling_mark DEFAULT VALUES")
    cr.execute("DELETE FROM longpolling_ticket WHERE expires <= (now() AT TIME ZONE 'UTC')")
    return deleted
