# -*- coding: utf-8 -*-
"""The feed in the database: a table, and a trigger that numbers events in commit order.

An id is taken when a row is written, but rows become visible when their transactions commit, in
another order: a reader that pages by ``id > last`` misses the smaller id that commits later. So an event
gets its position at commit, from a deferred constraint trigger, under an advisory lock that is held
until the commit is visible. Whoever sees a position therefore sees all smaller ones.

A rollback after the number was taken leaves a gap; positions grow all the same.
"""

# Any number that nobody else uses: "lpol" in ASCII.
LOCK = 0x6c706f6c

# What is read about events that are no more: nobody who knows a position below it has seen all.
HORIZON = 'longpolling.horizon'

_CREATE = """
CREATE TABLE longpolling_event (
    id bigserial PRIMARY KEY,
    position bigint UNIQUE,
    channel varchar NOT NULL,
    payload text NOT NULL,
    create_date timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')
);
CREATE SEQUENCE longpolling_event_position OWNED BY longpolling_event.position;
CREATE INDEX longpolling_event_channel ON longpolling_event (channel, position);
CREATE INDEX longpolling_event_date ON longpolling_event (create_date);
CREATE OR REPLACE FUNCTION longpolling_number_event() RETURNS trigger AS $$
BEGIN
    PERFORM pg_advisory_xact_lock({lock});
    UPDATE longpolling_event SET position = nextval('longpolling_event_position') WHERE id = NEW.id;
    PERFORM pg_notify('longpolling_feed', '');
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
CREATE CONSTRAINT TRIGGER longpolling_number_event AFTER INSERT ON longpolling_event
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE PROCEDURE longpolling_number_event();
""".format(lock=LOCK)

_DROP = """
DROP TABLE IF EXISTS longpolling_event;
DROP FUNCTION IF EXISTS longpolling_number_event();
"""


def create(cr):
    """Create table and trigger if they are not there; the addon's installation calls this."""
    cr.execute("SELECT 1 FROM pg_class WHERE relname = 'longpolling_event' AND relkind = 'r'")
    if not cr.fetchone():
        cr.execute(_CREATE)


def drop(cr):
    """Drop all that :func:`create` made; the addon's removal calls this."""
    cr.execute(_DROP)
    cr.execute("DELETE FROM ir_config_parameter WHERE key = %s", (HORIZON,))


def purge(cr, retention):
    """Delete the events older than `retention` seconds, and remember up to which position.

    :returns: how many were deleted
    """
    cr.execute("DELETE FROM longpolling_event WHERE create_date < (now() AT TIME ZONE 'UTC') - %s * interval '1 s' "
               "RETURNING position", (retention,))
    positions = [row[0] for row in cr.fetchall()]
    if positions:
        cr.execute("SELECT value FROM ir_config_parameter WHERE key = %s FOR UPDATE", (HORIZON,))
        row = cr.fetchone()
        horizon = str(max(positions + [int(row[0]) if row else 0]))
        if row:
            cr.execute("UPDATE ir_config_parameter SET value = %s WHERE key = %s", (horizon, HORIZON))
        else:
            cr.execute("INSERT INTO ir_config_parameter (key, value) VALUES (%s, %s)", (HORIZON, horizon))
    return len(positions)
