"""What a test does in a stack's database by itself."""

import contextlib

import psycopg2


def sql(stack, statement: str, parameters=None):
    """Execute a statement as the hosts' role, and commit it."""
    with contextlib.closing(psycopg2.connect(stack.dsn)) as connection, connection, connection.cursor() as cr:
        cr.execute(statement, parameters)
