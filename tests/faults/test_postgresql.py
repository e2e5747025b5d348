"""PostgreSQL restarted under load, its connections killed, none left: polls get 503 or go on, the process stays."""

import contextlib
import time

import psycopg2
import pytest

KILL = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'longpolling%'"
DOWN = 1.5


def restarted(stack, sql):
    stack.restart_postgresql()


def down_for_a_while(stack, sql):
    stack.stop_postgresql('immediate')
    time.sleep(DOWN)
    stack.start_postgresql()


def connections_killed(stack, sql):
    for _ in range(5):
        sql(KILL)
        time.sleep(0.3)


def connections_used_up(stack, sql):
    """Others take all that PostgreSQL has, and the sidecar's own are killed."""
    with contextlib.ExitStack() as taken:
        with pytest.raises(psycopg2.OperationalError, match='connection slots|too many'):
            for _ in range(300):
                taken.enter_context(contextlib.closing(psycopg2.connect(stack.dsn)))
        sql(KILL)
        with contextlib.suppress(psycopg2.OperationalError):
            for _ in range(20):
                taken.enter_context(contextlib.closing(psycopg2.connect(stack.dsn)))
        time.sleep(DOWN)


@pytest.mark.parametrize('fault', [restarted, down_for_a_while, connections_killed, connections_used_up],
                         ids=lambda fault: fault.__name__)
def test_a_crowd_goes_on_when_postgresql_is(stack, crowd, returns, sql, log, fault):
    """PostgreSQL restarted under load, its connections killed: polls get 503 or go on, the process stays, memory and
    connections return to where they were."""
    with returns(), crowd() as present:
        present.wait()
        fault(stack, sql)
        present.wait(2)
    said = log()
    assert 'Traceback' not in said
    assert said.count('Listening to database') >= 1
    assert said.count('No news from database') <= 5
    assert said.count('does not answer') <= 5
    assert said.count('\n') <= 20
