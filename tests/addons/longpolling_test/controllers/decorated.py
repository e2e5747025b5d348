# -*- coding: utf-8 -*-
"""A controller inside a decorator of its author's."""
import functools

from openerp.addons.web_longpolling.longpolling import longpolling


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper


@longpolling.route('/strict/decorated/<int:number>')
@logged
def strict(request, number, wanted):
    """Takes these parameters and no others."""
    if wanted == 'an error of its own':
        return len(number)
    return {'number': number, 'wanted': wanted}
