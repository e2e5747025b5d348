"""The long polling controller doesn't allow the write in database."""

import pytest

RULE = 'A long polling controller may not write to the database'
WAYS = ['create', 'write', 'unlink', 'sql', 'after_commit', 'after_rollback', 'delayed']


@pytest.fixture
def partners(sql):
    """A function that reads every partner, as it is in the database."""
    return lambda: sql("SELECT id, name FROM res_partner ORDER BY id")


@pytest.mark.parametrize('way', WAYS)
def test_a_controller_that_writes_is_refused_and_nothing_is_changed(admin, partner, partners, way, log):
    """The long polling controller doesn't allow the write in database: an error that names the rule."""
    before = partners()
    assert (partner, 'unchanged') in before
    answer = admin.poll(f'/write/{way}', {'partner': partner})
    assert answer.status_code == 500
    assert answer.json() == {'error': "The controller failed; the server's log says why."}
    assert RULE in log()
    assert partners() == before


def test_a_controller_that_hides_the_error_changes_nothing(admin, partner, partners):
    """The cursors are rolled back: not even a controller that catches the error and commits has written."""
    before = partners()
    admin.poll('/write/caught', {'partner': partner})
    assert partners() == before


def test_the_next_poll_reads_after_one_that_tried_to_write(admin, partner):
    """The cursor is rolled back before the connection is used again."""
    for _ in range(4):      # more than there are connections
        assert admin.poll('/write/sql', {'partner': partner}).status_code == 500
    for _ in range(4):
        assert admin.poll('/read/transactions').json()['read_only'] == 'on'


def test_no_transaction_stays_open_after_a_poll(admin, sql):
    """The cursors are rolled back before the connection is closed or used again: none is idle in transaction."""
    for _ in range(4):
        admin.poll('/sample/user')
    assert sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'longpolling' "
               "AND state LIKE 'idle in transaction%'") == [(0,)]
