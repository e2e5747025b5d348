# -*- coding: utf-8 -*-
"""Controllers that misbehave, for what the process does about it."""
import gevent.monkey

from openerp.addons.web_longpolling.longpolling import longpolling


@longpolling.route('/block')
def blocks_the_loop(request, seconds, **kwargs):
    """Wait past gevent, as a careless C extension does."""
    gevent.monkey.get_original('time', 'sleep')(seconds)
    return 'blocked'


@longpolling.route('/ignore')
def ignores_all_errors(request, **kwargs):
    """Swallow what it can while it waits for news that never come."""
    while True:
        try:
            request.wait('never')
        except Exception:
            return 'data'


@longpolling.route('/hold/never')
def waits_for_ever(request, **kwargs):
    """Wait for news that never come."""
    while True:
        request.wait('never')
