# -*- coding: utf-8 -*-
"""Controllers that wait for news, and one that tells what the sidecar holds meanwhile."""
import gc

import gevent

from openerp.addons.web_longpolling.longpolling import longpolling


def heard(news, payloads):
    return {'payloads': payloads, 'missed': news.missed}


@longpolling.route('/news/listen')
def listen(request, channels, timeout=None, **kwargs):
    """What one wait gives."""
    with request.listen(*channels) as news:
        return heard(news, news.wait(timeout))


@longpolling.route('/news/waits')
def waits(request, channel, go, last, **kwargs):
    """What the waits of one subscription give until `last` is among it; before each, one on the channel `go`."""
    found = []
    with request.listen(channel) as news, request.listen(go) as allowed:
        while not found or last not in found[-1]:
            allowed.wait()
            found.append(news.wait())
    return found


@longpolling.route('/news/slow')
def slow(request, channel, go, **kwargs):
    """A controller that comes to wait only when something was said on the channel `go`, twice."""
    found = []
    with request.listen(channel) as news, request.listen(go) as allowed:
        for _ in range(2):
            allowed.wait()
            payloads = news.wait()
            found.append({'missed': news.missed, 'number': len(payloads), 'first': payloads[0], 'last': payloads[-1]})
    return found


@longpolling.route('/news/count')
def count(request, name, seen, **kwargs):
    """The level-triggered use: subscribe, read, wait. Answers when there are not `seen` partners of that name."""
    with request.listen('partners') as news:
        while True:
            found = len(request.model('res.partner').search([('name', '=', name)]))
            if found != seen:
                return found
            news.wait()


@longpolling.route('/news/snapshot/listen')
def listen_in_a_snapshot(request, **kwargs):
    with request.listen('any') as news:
        with request.snapshot():
            return heard(news, news.wait())


@longpolling.route('/news/snapshot/follow')
def follow_in_a_snapshot(request, **kwargs):
    with request.snapshot():
        return request.follow('any', 0)


@longpolling.route('/news/follow')
def follow(request, channels, since, **kwargs):
    return request.follow(channels, since)


@longpolling.route('/news/held')
def held(request, **kwargs):
    """What the sidecar holds of this database just now, this poll included."""
    database = request._database
    return {'listening': len(database.channels), 'following': len(database.feed),
            'reads': database.feed.reads, 'cursors': database.connections.budget.used,
            'greenlets': sum(isinstance(thing, gevent.Greenlet) and not thing.dead for thing in gc.get_objects())}
