# -*- coding: utf-8 -*-
"""What the sidecar answers about the wall."""
from openerp.addons.web_longpolling.longpolling import longpolling


@longpolling.route('/wall/<int:last>')
def wall(request, last, **kwargs):
    """Answer with the notes that were written after position `last`, as soon as there are some."""
    return request.follow('wall', last)
