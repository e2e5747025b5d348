# -*- coding: utf-8 -*-
"""Polls of ``web_longpolling.testing`` in the host's own process, as an addon's unit test makes them."""
from openerp.addons.web_longpolling.longpolling import longpolling
from openerp.addons.web_longpolling.testing import poll


def play(cr, uid, steps):
    """What came of each step: ['publish', channel, payload], or ['poll', path, params, name of the page, user or None].

    A page goes on from the position of its last answer. An exception is its class's name and its text.
    """
    positions, answers = {}, []
    for step in steps:
        if step[0] == 'publish':
            longpolling.publish(cr, *step[1:])
            continue
        path, params, page, user = step[1:]
        try:
            answer = poll(cr, user, path, params, positions.get(page))
        except Exception as error:
            answers.append([type(error).__name__, str(error)])
            continue
        positions[page] = answer.position
        answers.append({'status': answer.status, 'result': answer.result, 'held_on': answer.held_on})
    return answers
