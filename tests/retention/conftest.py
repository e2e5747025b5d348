"""One stack a host whose feed keeps events for two seconds."""

from tests.support import fixtures

# Seconds.
RETENTION = 2

ann, channel, holding, log, programs, publish, sql, transaction = (
    fixtures.ann, fixtures.channel, fixtures.holding, fixtures.log, fixtures.programs, fixtures.publish, fixtures.sql,
    fixtures.transaction)
# dbfilter: Odoo would serve db_name alone, and some tests make other databases.
stack = fixtures.suite_stack(options={'longpolling_timeout': '40', 'longpolling_retention': str(RETENTION),
                                      'dbfilter': '.*'})
