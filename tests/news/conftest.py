"""One stack a host for these tests, and polls that are held on it."""

import itertools

import pytest

from tests.support import fixtures
from tests.support.clients import Session, visit

# Seconds. Longer than anything here takes: what ends a poll is never its timeout, unless a test says so.
TIMEOUT = 40
_numbers = itertools.count(1)


ann, channel, holding, log, publish, sql, transaction = (
    fixtures.ann, fixtures.channel, fixtures.holding, fixtures.log, fixtures.publish, fixtures.sql,
    fixtures.transaction)
stack = fixtures.suite_stack(options={'longpolling_timeout': str(TIMEOUT)})


@pytest.fixture
def new_user(stack, admin):
    """A function that makes an ordinary user and logs him in."""
    def make() -> Session:
        login = f'user{next(_numbers)}'
        admin.create_user(login, login)
        return visit(stack, login)
    return make
