"""log_context.py: lines that are written while a poll is served, or about one, name whose it is."""

import logging
import threading

import gevent
import pytest

from web_longpolling.sidecar import log_context
from web_longpolling.sidecar.loop.fresh_stack import run_on_fresh_stack
from web_longpolling.sidecar.polls import Polls


class OfSomebody:
    def __init__(self, who):
        self.who = who


@pytest.fixture
def polls():
    return Polls(10, 10)


@pytest.fixture
def line(polls):
    """A function that gives the message and the database of a record that came by."""
    def pass_by(message, *arguments, **extra):
        record = logging.LogRecord('name', logging.ERROR, 'path', 1, message, arguments, None)
        vars(record).update(extra)
        for _ in range(2):      # two handlers
            assert log_context.LogContext(polls).filter(record)
        return record.getMessage(), getattr(record, 'dbname', None)
    return pass_by


def test_a_line_of_a_poll_has_its_database_and_user(polls, line):
    with polls.admit(OfSomebody(('mydb', 5)), None):
        assert line('%d of %s', 3, '100%') == ('3 of 100% [user 5]', 'mydb')
        assert line('100 %') == ('100 % [user 5]', 'mydb')
        assert run_on_fresh_stack(line, ValueError('odd')) == ('odd [user 5]', 'mydb')
        assert threading.current_thread().dbname == 'mydb'


def test_a_line_about_a_poll_that_is_over_has_them_too(line):
    assert line('it failed', **log_context.of(OfSomebody(('mydb', 5)))) == ('it failed [user 5]', 'mydb')
    assert line('it failed', **log_context.of(None)) == ('it failed', None)


def test_other_lines_are_as_they_were(polls, line):
    assert line('%d') == ('%d', None)
    with polls.admit(OfSomebody(None), None):
        assert line('nobody') == ('nobody', None)
        assert gevent.spawn(line, 'another greenlet').get() == ('another greenlet', None)
