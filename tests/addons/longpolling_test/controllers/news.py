# -*- coding: utf-8 -*-
"""Controllers that wait for news, and one that reports what the sidecar holds meanwhile."""
import gc
import time

import gevent

from openerp.addons.web_longpolling.longpolling import longpolling


@longpolling.route('/news/wait')
def wait(request, channels, **kwargs):
    """What one wait gives; with `timeout` it goes on without news."""
    timeout = {'timeout': kwargs['timeout']} if 'timeout' in kwargs else {}
    return sorted(request.wait(*channels, **timeout))


@longpolling.route('/news/waits')
def waits(request, channel, number, **kwargs):
    """What so many waits of one poll give, one after the other."""
    return [sorted(request.wait(channel)) for _ in range(number)]


@longpolling.route('/news/shortest')
def shortest(request, name, **kwargs):
    """The shortest controller that refreshes a list: wait, then read."""
    request.wait('partners')
    return len(request.model('res.partner').search([('name', '=', name)]))


@longpolling.route('/news/count')
def count(request, name, seen, **kwargs):
    """Read, and wait in the same poll until there are not `seen` partners of that name."""
    while True:
        found = len(request.model('res.partner').search([('name', '=', name)]))
        if found != seen:
            return found
        request.wait('partners')


@longpolling.route('/news/snapshot/wait')
def wait_in_a_snapshot(request, **kwargs):
    with request.snapshot():
        return sorted(request.wait('any'))


@longpolling.route('/news/snapshot/follow')
def follow_in_a_snapshot(request, **kwargs):
    with request.snapshot():
        return request.follow('any')


@longpolling.route('/news/follow')
def follow(request, channels, since=None, **kwargs):
    return request.follow(channels, since)


@longpolling.route('/news/two')
def two(request, first, second, **kwargs):
    """Two follows in one poll: the second goes on from the first."""
    return [dict(request.follow(first)), dict(request.follow(second))]


@longpolling.route('/news/nothing')
def nothing(request, **kwargs):
    return request.follow([])


@longpolling.route('/news/held')
def held(request, **kwargs):
    """What the sidecar holds of this database just now, this poll included."""
    database = request._database
    return {'following': len(database.feed),
            'reads': database.feed.reads, 'cursors': database.connections.budget.used,
            'greenlets': sum(isinstance(thing, gevent.Greenlet) and not thing.dead for thing in gc.get_objects())}


@longpolling.route('/news/dawdle')
def dawdle(request, kind, channel, **kwargs):
    """A controller that has news, and does not answer with them before the poll's timeout."""
    if kind == 'wait':
        request.wait(channel)
    else:
        request.follow(channel)
    time.sleep(600)


@longpolling.route('/news/uncollected')
def uncollected(request, collection=None, **kwargs):
    """How many requests are in memory, this one not counted; `collection`: turn Python's garbage collection on or off.

    What is in memory while it is off and no poll is held waits for it: it refers to itself.
    """
    if collection == 'on':
        gc.enable()
    elif collection == 'off':
        gc.collect()
        gc.disable()
    return sum(type(thing) is type(request) for thing in gc.get_objects()) - 1


@longpolling.route('/news/ticket', mustbeauthenticated=False)
def by_ticket(request, token, since=None, **kwargs):
    """Follow by a ticket, with a login or without."""
    return request.follow(request.ticket(token), since)


@longpolling.route('/news/ticket/wait', mustbeauthenticated=False)
def wait_by_ticket(request, token, **kwargs):
    return sorted(request.wait(request.ticket(token)))


@longpolling.route('/news/ticket/caught', mustbeauthenticated=False)
def caught_by_ticket(request, token, **kwargs):
    """A controller that keeps whatever its follow raises, and answers all the same."""
    try:
        return request.follow(request.ticket(token))
    except Exception as error:
        return 'caught %s' % type(error).__name__


@longpolling.route('/news/ticket/read', mustbeauthenticated=False)
def read_by_ticket(request, token, **kwargs):
    """A ticket is a permission to follow, and none to read."""
    request.ticket(token)
    return request.model('res.partner').search_count([])


@longpolling.route('/news/ticket/registrations', mustbeauthenticated=False)
def registrations(request, token, **kwargs):
    """How many polls follow by the ticket, and under how many names the feed has registered somebody."""
    ticket = request.ticket(token)
    feed = request._ticket[1].feed
    return {'following': feed.following_by(ticket), 'channels': len(feed._followers), 'tickets': len(feed._of_tickets)}
