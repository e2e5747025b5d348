# -*- coding: utf-8 -*-
"""Controllers: one for each outcome that a page can meet."""
import os

import werkzeug.exceptions

from openerp.addons.web_longpolling.longpolling import longpolling


@longpolling.route('/mainpath')
def mainpath(request, **kwargs):
    """The path of the specification's sample: answers with what was published on the channel."""
    return {'news': [event['payload'] for event in request.follow('browser')['events']], 'kwargs': kwargs}


@longpolling.route('/count/<name>/<int:known>')
def count(request, name, known, **kwargs):
    """Answers as soon as the number of notes is not `known`; every `name` is another path."""
    while True:
        notes = len(request.model('longpolling.demo.note').search([]))
        if notes != known:
            return {'name': name, 'count': notes}
        request.wait('browser')


@longpolling.route('/channel/<name>')
def channel(request, name, **kwargs):
    """What is published on one channel."""
    return [event['payload'] for event in request.follow(name)['events']]


@longpolling.route('/latest')
def latest(request, **kwargs):
    """The shortest controller: wait, and read."""
    request.wait('wall')
    return request.model('longpolling.demo.note').search([], limit=1, order='id desc')


@longpolling.route('/fails')
def fails(request, **kwargs):
    raise ValueError('the secret number is 4711')


@longpolling.route('/markup', mode='http')
def markup(request, **kwargs):
    return '<p>hello</p>'


@longpolling.route('/busy/<int:known>')
def busy(request, known, **kwargs):
    """Too much to do, until there are more notes than `known`."""
    if len(request.model('longpolling.demo.note').search([])) == known:
        werkzeug.exceptions.abort(503)
    return 'at leisure'


@longpolling.route('/headers')
def headers(request, **kwargs):
    """The headers by which the dispatcher describes the browser, and which sidecar got them."""
    names = ('Host', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Real-IP', 'X-Longpolling-Browser')
    return dict([(name, request.headers.get(name)) for name in names], pid=os.getpid())


@longpolling.route('/held')
def held(request, **kwargs):
    """Which sidecar held this poll until something was published."""
    request.follow('browser')
    return os.getpid()


@longpolling.route('/anybody', mustbeauthenticated=False)
def anybody(request, **kwargs):
    """For pages that nobody has logged in to see."""
    return 'hello'
