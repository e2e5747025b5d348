"""news/feed.py: one read for all followers. The double stands for a table in which something happens in the middle."""

import contextlib

import gevent
import gevent.event
import psycopg2
import pytest

from web_longpolling.errors import DatabaseUnavailable
from web_longpolling.positions import Position, Snapshot, encode, origin_of
from web_longpolling.sidecar.loop.deadline import PollTimeout
from web_longpolling.sidecar.news import feed as feed_module
from web_longpolling.sidecar.news.events import FeedEvent
from web_longpolling.sidecar.news.feed import Feed, OtherFeed

IDENTITY = '1/2/3/44'
ORIGIN = origin_of(IDENTITY)
WALL = frozenset(['wall'])


class Table:
    """A feed whose transactions commit when a test says so. Answers the feed's statements as PostgreSQL would.

    meanwhile: called once, in the middle of the next statement
    """

    def __init__(self):
        self.identity, self.oid = IDENTITY, 44
        self.committed, self.open, self.xmax, self.ids = [], {}, 100, 0
        self.purged = None
        self.meanwhile = None
        self.statements = 0

    def begin(self, *channels):
        """A transaction that publishes; its id."""
        txid = self.xmax
        self.xmax += 1
        self.open[txid] = []
        for channel in channels:
            self.ids += 1
            self.open[txid].append((self.ids, txid, channel, str(self.ids)))
        return txid

    def commit(self, txid):
        self.committed += self.open.pop(txid)

    def publish(self, *channels):
        self.commit(self.begin(*channels or ('wall',)))

    def snapshot(self):
        return Snapshot(self.xmax, frozenset(self.open))

    def execute(self, query, parameters=None):
        self.statements += 1
        happens, self.meanwhile = self.meanwhile, None
        snapshot = self.snapshot()
        rows = list(self.committed)
        if happens:
            happens()
        if isinstance(self.identity, Exception):
            raise self.identity
        if query is feed_module._CHANNELS:
            self.rows = [(channel,) for channel in {row[2] for row in rows if self.is_new(row, parameters)}]
            return
        head = (snapshot.postgresql(), self.identity, self.oid)
        if query is feed_module._RECENT:
            head += (self.purged,)
            found, limit = sorted(rows, key=lambda row: (-row[1], -row[0])), parameters['rows']
        else:
            found, limit = [row for row in rows if self.is_new(row, parameters)], parameters['rows']
            if query in (feed_module._OLDER, feed_module._OLDER_PART):
                head += (bool(self.purged and self.purged >= parameters['oldest']),)
                found = [row for row in found if row[2] in parameters['channels']]
            if query is feed_module._OLDER_PART:
                target = Snapshot.parse(parameters['target'])
                found = [row for row in found if row[0] > parameters['last'] and target.sees(row[1])]
            found.sort()
        bounded = query is not feed_module._FEW
        found = [(*row, bounded and number == limit) for number, row in enumerate(found[:limit + bounded])]
        self.rows = [head + row for row in found] or [(*head, None, None, None, None, None)]

    @staticmethod
    def is_new(row, parameters):
        return row[1] >= parameters['xmax'] or row[1] in parameters['in_flight']

    def fetchall(self):
        return self.rows


class Poll:
    """As much of a request as the feed looks at."""

    position = None
    channels = None
    resumed_at = None

    def resumed(self, notified_at):
        self.resumed_at = notified_at

    def hold(self, channels):
        self.channels = channels


@pytest.fixture
def table():
    return Table()


@pytest.fixture
def feed(table):
    """A feed that is read whenever it asks, as the listener does."""
    asked = []

    @contextlib.contextmanager
    def cursor():
        yield table

    def ask():
        if not asked:
            asked.append(gevent.spawn(read))

    def read():
        asked.clear()
        made.read(table)
    made = Feed(cursor, 1, ask)
    made.begin(IDENTITY)
    return made


def begin(feed) -> str:
    """The position of a page that begins now."""
    poll = Poll()
    feed.begin_here(poll)
    return poll.position


def follow(feed, position, channels=WALL):
    poll = Poll()
    batch = feed.hold(poll, channels, position).batch
    assert poll.position == batch['position']
    return batch


def wait(feed, poll, position, timeout):
    return feed.names(poll, WALL, feed.hold(poll, WALL, position, timeout))


def ids(batch):
    return [event['id'] for event in batch['events']]


def hold(feed, position, channels=WALL):
    """A follower that is held."""
    greenlet = gevent.spawn(follow, feed, position, channels)
    gevent.idle()
    assert not greenlet.dead
    return greenlet


def wake(feed, table):
    feed.notified()
    feed.read(table)


def test_a_held_follower_gets_what_comes_and_a_wake_up_is_one_read(feed, table):
    position = begin(feed)
    held = [hold(feed, position) for _ in range(20)]
    other = hold(feed, position, frozenset(['other']))
    before = table.statements
    table.publish()
    wake(feed, table)
    batches = [greenlet.get(timeout=5) for greenlet in held]
    assert [ids(batch) for batch in batches] == [[1]] * 20
    assert all(batch is batches[0] for batch in batches), 'they share one answer'
    assert table.statements == before + 1
    assert not other.dead
    other.kill()


def test_an_event_is_new_when_it_commits_whatever_its_id(feed, table):
    position = begin(feed)
    late = table.begin('wall')
    table.publish()
    batch = follow(feed, position)
    assert ids(batch) == [2]
    held = hold(feed, batch['position'])
    table.commit(late)
    wake(feed, table)
    assert ids(held.get(timeout=5)) == [1]


def test_a_position_that_another_sidecar_has_read_later_gives_nothing_twice(feed, table):
    """This sidecar's buffer is older than the position: what it reads next was seen already."""
    keep = hold(feed, begin(feed), frozenset(['other']))
    table.publish()
    ahead = encode(ORIGIN, Position(table.snapshot()))
    held = hold(feed, ahead)
    table.publish()
    wake(feed, table)
    assert ids(held.get(timeout=5)) == [2]
    keep.kill()


def test_who_asks_for_older_events_is_answered_from_the_table_in_parts(feed, table, monkeypatch):
    monkeypatch.setattr(feed_module, 'BUFFER_EVENTS', 3)
    monkeypatch.setattr(feed_module, 'ANSWER_EVENTS', 4)
    monkeypatch.setattr('web_longpolling.sidecar.news.events.ANSWER_EVENTS', 4)
    position = encode(ORIGIN, Position(table.snapshot()))
    low = table.begin('wall')
    for _ in range(10):
        table.publish()
    first = follow(feed, position)
    assert ids(first) == [2, 3, 4, 5]
    table.commit(low)           # between two parts, with an id that the first has passed
    table.publish()
    found, position = ids(first), first['position']
    while len(found) < 12:
        batch = follow(feed, position)
        assert 'missed' not in batch
        found += ids(batch)
        position = batch['position']
    assert found == [*range(2, 12), 1, 12]


def test_more_than_the_buffer_holds_sends_those_whom_it_concerns_to_the_table(feed, table, monkeypatch):
    monkeypatch.setattr(feed_module, 'BUFFER_EVENTS', 30)
    position = begin(feed)
    held, other = hold(feed, position), hold(feed, position, frozenset(['other']))
    table.publish(*['wall'] * 50)
    wake(feed, table)
    assert ids(held.get(timeout=5)) == list(range(1, 51))
    assert not other.dead
    table.publish('other')
    wake(feed, table)
    assert ids(other.get(timeout=5)) == [51]


def test_purged_events_are_missed_by_those_who_had_not_seen_them(feed, table):
    position = begin(feed)
    table.publish()
    table.committed, table.purged = [], table.xmax - 1
    feed.begin('1/2/3/45')      # a registry that is loaded anew has nothing in memory
    feed.begin(IDENTITY)
    batch = follow(feed, position)
    assert (batch['events'], batch['missed']) == ([], True)
    assert not hold(feed, batch['position']).dead


@pytest.mark.parametrize('position', [encode(origin_of('other'), Position(Snapshot(5, frozenset()))), '17',
                                      encode(ORIGIN, Position(Snapshot(10 ** 9, frozenset())))],
                         ids=['of another origin', 'of the first design', 'of the future'])
def test_a_position_that_can_not_be_used_is_missed_at_once(feed, table, position):
    batch = follow(feed, position)
    assert (batch['events'], batch['missed']) == ([], True)
    table.publish()
    assert ids(follow(feed, batch['position'])) == [1]


def test_a_feed_that_is_replaced_in_the_middle_of_a_read_hands_out_nothing_of_before(feed, table):
    position = begin(feed)
    held = hold(feed, position)
    table.publish()

    def replaced():
        table.identity, table.oid = '1/2/3/45', 45
        feed.begin('1/2/3/45')
    table.meanwhile = replaced
    with contextlib.suppress(OtherFeed):
        wake(feed, table)
    wake(feed, table)
    batch = held.get(timeout=5)
    assert (batch['events'], batch['missed']) == ([], True)
    assert batch['position'].startswith(origin_of('1/2/3/45'))


@pytest.mark.parametrize('identity, oid', [('9/9/9/44', 44), (IDENTITY, 45), (psycopg2.ProgrammingError('gone'), 44)],
                         ids=['another identity', 'another table', 'no table'])
def test_another_table_is_noticed_at_the_next_read(feed, table, identity, oid):
    held = hold(feed, begin(feed))
    table.identity, table.oid = identity, oid
    with pytest.raises(OtherFeed):
        feed.read(table)
    held.kill()


def test_nobody_reads_while_nobody_follows(feed, table):
    begin(feed)
    before = table.statements
    wake(feed, table)
    assert (table.statements, feed.wanted, len(feed)) == (before, False, 0)


def test_the_position_of_who_hears_nothing_goes_on(feed, table):
    """So nobody is told that something is missing who was there all the time."""
    poll, position = Poll(), begin(feed)
    waiting = gevent.spawn(wait, feed, poll, position, 0.05)
    gevent.idle()
    table.publish('other')
    wake(feed, table)
    assert waiting.get(timeout=5) == frozenset()
    assert poll.position == encode(ORIGIN, Position(table.snapshot())) != position


def test_who_could_not_look_is_not_told_that_nothing_has_happened(feed, table, monkeypatch):
    position = begin(feed)
    monkeypatch.setattr(feed_module, 'STALE', -1)
    with pytest.raises(DatabaseUnavailable):
        wait(feed, Poll(), position, 0)
    ended = []

    def poll():
        try:
            feed.hold(Poll(), WALL, position)
        except PollTimeout as end:
            ended.append(end.cause)
    greenlet = gevent.spawn(poll)
    gevent.idle()
    greenlet.kill(PollTimeout(), timeout=5)
    assert isinstance(ended[0], DatabaseUnavailable)


def test_latecomers_read_no_more_at_a_time_than_their_share(table):
    """And one that waits for its turn until its poll ends has not found out anything."""
    reading, going_on = [], gevent.event.Event()

    @contextlib.contextmanager
    def cursor():
        reading.append(1)
        going_on.wait()
        yield table
    asked = []
    feed = Feed(cursor, 1, lambda: asked.append(gevent.spawn(lambda: feed.read(table))))
    feed.begin(IDENTITY)
    position = encode(ORIGIN, Position(table.snapshot()))
    table.publish()
    table.purged = table.xmax - 1
    late = [gevent.spawn(follow, feed, position) for _ in range(3)]
    gevent.sleep(0.01)
    assert len(reading) == 1
    ended = PollTimeout()
    late[2].kill(ended, timeout=5)
    assert isinstance(ended.cause, DatabaseUnavailable)
    going_on.set()
    for greenlet in late[:2]:
        assert greenlet.get(timeout=5)['missed'] is True


def test_a_payload_that_is_no_json_reaches_pages_as_text(feed, table, caplog):
    position = begin(feed)
    txid = table.begin()
    table.open[txid] = [(1, txid, 'wall', 'no "JSON"'), (2, txid, 'wall', 'NaN')]
    table.commit(txid)
    batch = follow(feed, position)
    assert [event['payload'] for event in batch['events']] == ['no "JSON"', 'NaN']
    assert caplog.text.count('not JSON') == 1
    assert FeedEvent(1, 2, 'c', b'1') == (1, 2, 'c', b'1')
