"""The tables of the feed: what they were in the first design, and a look at what they are."""

# Statements that put them in the place of those of now, with two events in them.
FIRST_DESIGN = """
DROP TABLE longpolling_event, longpolling_purged, longpolling_mark, longpolling_origin;
CREATE TABLE longpolling_event (
    id bigserial PRIMARY KEY, position bigint UNIQUE, channel varchar NOT NULL, payload text NOT NULL,
    create_date timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'));
INSERT INTO longpolling_event (position, channel, payload) VALUES (1, 'old', '1'), (2, 'old', '2');
CREATE SEQUENCE longpolling_event_position OWNED BY longpolling_event.position;
CREATE INDEX longpolling_event_channel ON longpolling_event (channel, position);
CREATE INDEX longpolling_event_date ON longpolling_event (create_date);
CREATE FUNCTION longpolling_number_event() RETURNS trigger AS $$ BEGIN RETURN NULL; END $$ LANGUAGE plpgsql;
CREATE CONSTRAINT TRIGGER longpolling_number_event AFTER INSERT ON longpolling_event
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE PROCEDURE longpolling_number_event()"""
# Rows that say how they look: columns, indexes, triggers, functions and sequences.
SHAPE = """
    SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
    WHERE table_name LIKE 'longpolling%%' UNION ALL
    SELECT tablename, indexname, indexdef, '', '' FROM pg_indexes WHERE tablename LIKE 'longpolling%%' UNION ALL
    SELECT 'trigger', tgname, '', '', '' FROM pg_trigger WHERE tgname LIKE 'longpolling%%' UNION ALL
    SELECT 'function', proname, '', '', '' FROM pg_proc WHERE proname LIKE 'longpolling%%' UNION ALL
    SELECT 'sequence', relname, '', '', '' FROM pg_class WHERE relname LIKE 'longpolling%%' AND relkind = 'S'"""
