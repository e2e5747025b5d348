"""When a sidecar warns that it looks for sessions where there are none."""

import logging

import pytest

from web_longpolling import host
from web_longpolling.sidecar import session_watch
from web_longpolling.sidecar.session_watch import FIRST, LATER, SessionWatch

WARNING = 'No session file is found'


class Store:
    """A host's adapter, as far as its session store goes."""

    SESSION_SETTINGS = 'data_dir'

    def __init__(self):
        self.stored = set()
        self.breaks = False

    def is_stored(self, cookie):
        if self.breaks:
            raise OSError('out of order')
        return cookie in self.stored

    def session_place(self):
        return '/srv/sessions'


@pytest.fixture
def store(monkeypatch):
    store = Store()
    monkeypatch.setattr(host, '_adapter', store)
    return store


@pytest.fixture
def warnings(caplog):
    caplog.set_level(logging.WARNING, session_watch.__name__)
    return lambda: sum(WARNING in record.getMessage() for record in caplog.records)


def test_the_first_page_that_asks_twice_is_enough(store, warnings, caplog):
    watch = SessionWatch()
    for _ in range(FIRST):
        assert warnings() == 0
        watch.looked('one', None)
    assert warnings() == 1
    assert 'looks in /srv/sessions. Compare' in caplog.text and 'with the same data_dir' in caplog.text
    for number in range(100):
        watch.looked(f'cookie {number}', None)
    assert warnings() == 1


def test_who_has_no_cookie_says_nothing_of_the_store(store, warnings):
    watch = SessionWatch()
    for _ in range(100):
        watch.looked(None, None)
    assert warnings() == 0


def test_a_session_without_a_login_is_in_the_right_place(store, warnings):
    watch = SessionWatch()
    store.stored.add('visitor')
    for _ in range(100):
        watch.looked('visitor', None)
    watch.looked('gone', None)
    watch.looked('gone', None)
    assert warnings() == 0


def test_later_only_many_different_ones_in_a_row_count(store, warnings):
    watch = SessionWatch()
    watch.looked('good', object())
    for _ in range(100):
        watch.looked('gone', None)
    for number in range(LATER - 2):
        watch.looked(f'gone {number}', None)
    watch.looked('good', object())
    for number in range(LATER - 1):
        watch.looked(f'gone {number}', None)
    assert warnings() == 0
    watch.looked('the last', None)
    assert warnings() == 1


def test_a_store_that_does_not_answer_is_no_wrong_store(store, warnings):
    watch = SessionWatch()
    store.breaks = True
    for number in range(100):
        watch.looked(f'cookie {number}', None)
    assert warnings() == 0


def test_that_sessions_can_not_be_read_is_said_once(store, caplog):
    watch = SessionWatch()
    for _ in range(10):
        watch.unreadable()
        watch.looked('good', object())
    assert caplog.text.count("A session can't be read, so its polls get 503") == 1
