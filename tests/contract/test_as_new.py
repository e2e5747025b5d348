"""A connection that a controller has had comes back as new, whatever it did there; and it does not commit."""

import pytest

RULE = 'A long polling controller may not write to the database'
KINDS = ['search_path', 'setting', 'timeout', 'datestyle', 'role', 'lock', 'prepared', 'listen', 'cursor', 'writable']


@pytest.fixture
def monitor(stack, sql):
    """The host's role may become another one."""
    sql('GRANT pg_monitor TO CURRENT_USER') if stack.superuser_dsn == stack.dsn else _as_superuser(
        stack, 'GRANT pg_monitor TO openerp')


def _as_superuser(stack, statement):
    import psycopg2
    with psycopg2.connect(stack.superuser_dsn) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


@pytest.mark.parametrize('how', ['nothing', 'sql', 'connection'])
@pytest.mark.parametrize('kind', KINDS)
def test_nothing_is_left_behind_on_a_connection(ann, monitor, kind, how):
    """Not even if the transaction in which it was done was committed past the cursor."""
    before = {tuple(ann.poll(f'/left/{kind}').json()) for _ in range(4)}
    ann.poll(f'/leave/{kind}', {'how': how})
    after = {tuple(ann.poll(f'/left/{kind}').json()) for _ in range(4)}
    assert {value for value, _ in after} == {value for value, _ in before}
    assert {backend for _, backend in after} & {backend for _, backend in before}, 'all connections are new ones'


@pytest.mark.parametrize('way', ['on_purpose', 'commit'])
def test_a_controller_may_not_commit(admin, partner, sql, way, log):
    for _ in range(3):
        assert admin.poll(f'/write/{way}', {'partner': partner}).status_code == 500
    assert RULE in log() or 'transaction read-write mode must be set before any query' in log()
    assert sql("SELECT name FROM res_partner WHERE id = %s", (partner,)) == [('unchanged',)]
    assert admin.poll('/read/transactions').json()['read_only'] == 'on'


def test_the_connection_itself_has_the_sidecars_settings(ann):
    for _ in range(4):
        timeout, _ = ann.poll('/left/timeout').json()
        assert timeout == '8s'      # the poll's three seconds, and five
