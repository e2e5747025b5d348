"""The feed begins anew while it is being read: the double stands where the database is replaced in that moment."""

import contextlib

import gevent
import pytest

from web_longpolling.sidecar.news import feed as feed_module
from web_longpolling.sidecar.news.feed import Feed


class Table:
    """Answers the feed's queries from a list of events; `meanwhile` is called once, in the middle of a query."""

    def __init__(self, *payloads):
        self.payloads = payloads
        self.meanwhile = None

    @contextlib.contextmanager
    def cursor(self):
        yield self

    def execute(self, query, parameters=None):
        self.query, self.parameters = query, parameters
        self.rows = list(enumerate(self.payloads, 1))
        happening, self.meanwhile = self.meanwhile, None
        if happening:
            happening()

    def fetchone(self):
        return None if self.query == feed_module._HORIZON else (len(self.rows),)

    def fetchall(self):
        since = self.parameters.get('since', 0)
        bounded = () if self.query == feed_module._FEW else (False,)    # the column that says that there are more
        return [(position, 'wall', payload, *bounded) for position, payload in self.rows if position > since]


class Poll:
    """As much of a request as the feed looks at."""

    told = None

    def verify_again(self):
        pass


def follow(feed, since):
    return feed.follow(Poll(), ('wall',), since)


@pytest.mark.parametrize('known', [False, True], ids=['the first read', 'a later read'])
def test_what_was_read_before_the_feed_began_anew_is_not_handed_out(known, caplog):
    table = Table('"old"')
    feed = Feed(table.cursor)
    if known:
        assert follow(feed, 0)['events'][0]['payload'] == 'old'
    follower = gevent.spawn(follow, feed, int(known))

    def replaced():
        table.payloads = ('"new"', '"newer"')
        feed.begin_anew()
    table.meanwhile = replaced
    if known:
        gevent.sleep(0)     # the follower is held before the feed is told of something
        feed.wake()
    events = follower.get(timeout=5)['events']
    assert [event['payload'] for event in events] == ['new', 'newer'][int(known):]
    assert caplog.text == ''
