# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The route ``/changes``: what has become of the records that a page shows, and whether there are others.

::

    page -> {"model", "ids": those it shows, "domain": what it lists, "others": false if it asks for them alone,
             "context", "age": seconds since it has read them}
    page <- {"changed": [...], "gone": [...], "others": true or false, "within": seconds, if many are told}

No page learns anything of records that its user may not read at that moment: of ``ids``, those are watched that he may
read when the poll begins; "changed" and "others" are what he finds by the host's own search, with the rules of records;
a record that was deleted, or that he may no longer read, is "gone" if he could read it until then. That others were
deleted is told to nobody, since nobody can say any more whose they were. Where an event of writes names no ids,
"changed" and "others" may be said too often: of the records that he may read, those that lie between two ids.
"""
import collections
import contextlib
import hashlib
import json
import logging
import sys
import time

import psycopg2

from .errors import BadRequest, Forbidden, PollError
from .host.recent import Recent
from .longpolling import longpolling
from .watching import channel_of

# The records of one page of which changes are told; those beyond are others.
MOST = 1000
# Characters of a model's name.
MODEL = 200

# Seconds that a poll which was woken for nothing leaves the channel alone: who writes all the time does not make all
# pages look all the time.
PAUSE = 1.0
# Seconds for which a page need not be asked again whether its user may read what it shows: a poll begins anew
# whenever another one of the same browser is answered.
KNOWN = 20
# Seconds that a transaction may have been under way before a page has read what it shows, and clocks may differ.
MARGIN = 5
LONGEST = 3600.0
# The newest events of the model that a page's first poll looks at.
NEWEST = 1000
# All pages that show the same are told in the same moment, and each loads anew what it shows: so many of them a second
# are no storm for the host. Fewer than some dozen need not be told of their turns.
TURNS = 30.0
SHORTEST = 0.5
# Seconds in which a page that was told comes again: it pauses for two.
AWAY = 4.0

if sys.version_info[0] > 2:
    _integers, _strings = (int,), (str,)
    _MAY_READ = ('has_access', [], 'read')
else:
    _integers, _strings = (int, long), (basestring,)    # noqa: F821
    _MAY_READ = ('check_access_rights', 'read', False)

_logger = logging.getLogger(__name__)

_EVENTS = """
    SELECT payload FROM (SELECT id, payload, create_date FROM longpolling_event WHERE channel = %s
        ORDER BY id DESC LIMIT %s) AS newest
    WHERE create_date >= (clock_timestamp() AT TIME ZONE 'UTC') - %s * interval '1 s' ORDER BY id"""

_TROUBLES = (psycopg2.OperationalError, psycopg2.InternalError, psycopg2.InterfaceError)
_TOO_COMPLEX = '54001'

_REFUSED = "There is no such model, or you may not read it."

_known = Recent(10000)


class _Audience(object):
    """The pages that show the same, and so are told together: one list, or one record."""

    __slots__ = ('_held', '_away')

    def __init__(self):
        self._held = 0
        self._away = collections.deque()    # when pages were told that have not come again since then

    @contextlib.contextmanager
    def holding(self):
        """One of them is held, most probably one that was told of something before."""
        if self._away:
            self._away.popleft()
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    def tell(self, news):
        """Add to the news within how many seconds the page is to load what it shows, if that matters."""
        now = time.time()
        while self._away and not 0 <= now - self._away[0] < AWAY:
            self._away.popleft()
        within = (self._held + len(self._away)) / TURNS
        self._away.append(now)
        return dict(news, within=within) if within >= SHORTEST else news


_audiences = Recent(10000)      # by what they show


@longpolling.route('/changes')
def changes(request, model=None, ids=(), domain=(), others=True, context=None, age=None, **kwargs):
    """Answer as soon as something of the records has changed.

    :param model: its technical name
    :param ids: list of the ids that the page shows
    :param domain: of the records of which the page shows the first ones; None if there are no others
    :param others: whether to tell of them
    :param context: of the page, as for any RPC of its own
    :param age: seconds since the page has read what it shows; the first poll says what has changed meanwhile
    :returns: dict of "changed", "gone" (lists of ids) and "others" (whether records have come, or changed, that the
        page does not show); where many pages are told of the same also "within": seconds, in which each takes its turn
        at random
    """
    page = _Page(request, model, ids, domain, others, context)
    channel = channel_of(model)
    if request.position is None:
        request.wait(channel)       # not held: from now on the page has a position
        news = page.since(_seconds(age))
        return page.audience().tell(news) if any(news.values()) else news
    shown = page.shown()
    if shown != page.ids:
        return page.answer(gone=page.ids - shown)
    audience = page.audience()
    with audience.holding():
        while True:
            news = page.look(request.follow(channel))
            if news:
                return audience.tell(news)
            time.sleep(PAUSE)


class _Page(object):
    """What a page shows.

    ids: frozenset
    """

    def __init__(self, request, model, ids, domain, others, context):
        """
        :raises BadRequest: if one of them is not as :func:`changes` says
        """
        if not isinstance(model, _strings) or not 0 < len(model) <= MODEL:
            raise BadRequest("'model' must be the technical name of a model.")
        if not isinstance(ids, (list, tuple)) or len(ids) > MOST or \
                not all(isinstance(each, _integers) and not isinstance(each, bool) for each in ids):
            raise BadRequest("'ids' must be a list of %d ids at most." % MOST)
        if domain is not None and not isinstance(domain, (list, tuple)) or not isinstance(context or {}, dict):
            raise BadRequest("'domain' must be a list, and 'context' an object.")
        if not isinstance(others, bool):
            raise BadRequest("'others' must be true or false.")
        self.ids = frozenset(ids)
        self._request = request
        self._model = model
        self._domain = None if domain is None else list(domain)
        self._asks_for_others = others and domain is not None
        self._context = dict(request.context)
        self._context.update(context or {})

    def audience(self):
        """Those who show the same: of lists all that have this domain, whichever part of them each shows."""
        key = self._digest(sorted(self.ids) if self._domain is None else self._domain)
        audience = _audiences.get(key)
        if audience is None:
            _audiences[key] = audience = _Audience()
        return audience

    def since(self, age):
        """The first answer: what was written after the page has read it, as events and records say."""
        changed, conditions = frozenset(), []
        with self._request.snapshot() as snapshot:
            readable = self._search([('id', 'in', sorted(self.ids))])
            if age is not None:
                news = self._events_since(snapshot.cr, age)
                changed = frozenset(each for each in readable if news.may_have_written(each))
                conditions = news.others(self.ids)
                written = [('write_date', '>=', time.strftime('%Y-%m-%d %H:%M:%S',
                                                              time.gmtime(time.time() - age - MARGIN)))]
                found = self._written(snapshot.cr, readable, written)
                if found is not None:
                    changed |= found
                    conditions.append(written)
            others = any(self._has_others(condition) for condition in conditions)
            if not conditions:
                self._has_others([])        # what nothing can be searched by is refused now, not at some change
        self._remember(readable)
        return self.answer(changed, self.ids - readable, others)

    def _events_since(self, cr, age):
        cr.execute(_EVENTS, (channel_of(self._model), NEWEST, age + MARGIN))
        payloads = [json.loads(row[0]) for row in cr.fetchall()]
        return _News(payloads, missed=len(payloads) == NEWEST)

    def _written(self, cr, ids, condition):
        """Those of the ids for which the condition holds; None if the model does not keep when it was written."""
        cr.execute("SAVEPOINT longpolling_written")
        try:
            return self._search([('id', 'in', sorted(ids) or [-1])] + condition)
        except BadRequest:
            cr.execute("ROLLBACK TO SAVEPOINT longpolling_written")
            return None

    def shown(self):
        """Those of the ids that the user may read, as he was found to KNOWN seconds ago at most."""
        when = _known.get(self._key(self.ids))
        if when is not None and 0 <= time.time() - when < KNOWN:
            return self.ids
        with self._request.snapshot():
            readable = self._search([('id', 'in', sorted(self.ids))])
        self._remember(readable)
        return readable

    def look(self, batch):
        """The answer to the events of a batch, None if they are no news to the page."""
        news = _News([event['payload'] for event in batch['events']], missed='missed' in batch)
        concerned = frozenset(each for each in self.ids if news.concern(each))
        if not concerned and not (self._asks_for_others and news.of_others):
            return None
        with self._request.snapshot():
            readable = self._search([('id', 'in', sorted(concerned))])
            others = any(self._has_others(condition) for condition in news.others(self.ids))
        # Of the others it is known no better than before.
        key = self._key(self.ids)
        when = _known.get(key)
        if readable != concerned:
            _known.pop(key)
            if when is not None:
                self._remember(self.ids - concerned | readable, when)
        changed = frozenset(each for each in readable if news.may_have_written(each))
        if changed or readable != concerned or others:
            return self.answer(changed, concerned - readable, others)
        return None

    @staticmethod
    def answer(changed=(), gone=(), others=False):
        return {'changed': sorted(changed), 'gone': sorted(gone), 'others': others}

    def _has_others(self, condition):
        if not self._asks_for_others:
            return False
        condition = condition + [('id', 'not in', sorted(self.ids))] if self.ids else condition
        return bool(self._find(self._domain + condition, self._context, limit=1))

    def _search(self, domain):
        """The ids that the user finds, archived ones too, a frozenset."""
        return frozenset(self._find(domain, dict(self._context, active_test=False)))

    def _find(self, domain, context, **options):
        records = self._request.model(self._model)
        try:
            allowed = getattr(records, _MAY_READ[0])(*_MAY_READ[1:])
        except LookupError:
            allowed = False
        if not allowed:
            raise Forbidden(_REFUSED)
        try:
            return records.search(domain, context=context, **options)
        except PollError:
            raise
        except Exception as error:
            # PostgreSQL's own troubles, and a write that it has refused, are none of the page's; a query that is too
            # deep is.
            if isinstance(error, _TROUBLES) and getattr(error, 'pgcode', None) != _TOO_COMPLEX:
                raise
            _logger.info("Model %s can't be searched as a page asks: %s", self._model, type(error).__name__)
            raise BadRequest("The model can't be searched by this 'domain' and 'context', or you may not do so.")

    def _remember(self, ids, when=None):
        _known[self._key(ids)] = time.time() if when is None else when

    def _key(self, ids):
        return self._digest([self._request.uid, sorted(ids)])

    def _digest(self, shown):
        shown = json.dumps([self._request.db, self._model, shown])
        return hashlib.sha1(shown.encode('ascii')).digest()     # noqa: S324


class _News(object):
    """What the events say.

    of_others: whether there may be news of records that a page does not show
    """

    def __init__(self, payloads, missed):
        self._written, self._deleted, self._ranges, self._deleted_ranges = set(), set(), set(), set()
        if missed:
            self._ranges.add((None, None))
        for change in payloads:
            self._add(change)
        self.of_others = bool(self._written or self._ranges)

    def _add(self, change):
        deleted = change['operation'] == 'unlink'
        if 'many' not in change:
            (self._deleted if deleted else self._written).update(change['ids'])
        else:
            (self._deleted_ranges if deleted else self._ranges).add((change['from'], change['to']))

    def concern(self, record):
        """Whether something may have become of the record with this id."""
        return self.may_have_written(record) or record in self._deleted or _lies_in(self._deleted_ranges, record)

    def may_have_written(self, record):
        """Whether it may have been changed; if all that is told is that it was deleted, it is there no more, or was not
        among these."""
        return record in self._written or _lies_in(self._ranges, record)

    def others(self, shown):
        """Conditions of domains: the records that may have changed, beside those that are shown."""
        written = sorted(self._written - shown)
        conditions = [[('id', 'in', written)]] if written else []
        for low, high in self._ranges:
            conditions.append(([('id', '>=', low)] if low is not None else []) +
                              ([('id', '<=', high)] if high is not None else []))
        return conditions


def _lies_in(ranges, record):
    return any((low is None or low <= record) and (high is None or record <= high) for low, high in ranges)


def _seconds(age):
    try:
        seconds = None if age is None else float(age)
    except (TypeError, ValueError, OverflowError):
        seconds = float('nan')
    if seconds is not None and seconds != seconds:
        raise BadRequest("'age' must be a number of seconds.")
    return None if seconds is None else min(max(seconds, 0.0), LONGEST)
