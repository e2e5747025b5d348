# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What the sidecar answers about who looks at a record."""
import sys

from openerp.addons.web_longpolling.longpolling import longpolling

# Nobody says goodbye when a browser crashes: seconds between two looks for signs of life that stayed away.
LOOK_AGAIN = 15
# Seconds after its last sign of life at which a page counts as gone; it gives one every 20.
GONE = 50
# Seconds for which a sign of life needs no other one, however many windows a user has.
FRESH = 5
# The cards of one kanban of which it is told who looks at their records; longer names of models there are none.
MOST, MODEL = 100, 128

if sys.version_info[0] > 2:
    _integers, _strings = (int,), (str,)
else:
    _integers, _strings = (int, long), (basestring,)    # noqa: F821


def channel_of(model, record):
    """The channel on which a page that opens or leaves a record says so."""
    return 'web_longpolling_live.presence:%s:%d' % (model, record)


def is_on(setting):
    """What a system parameter says, a text as an administrator has typed it."""
    return (u'%s' % setting).strip().lower() not in ('false', '0', 'no', 'off', 'none', '')


def named_page(page):
    """What a page calls itself, as it is stored."""
    return (u'%s' % (page,))[:40] or u'-'


def named(here):
    """Those who look, by record, by name; a user who does so in several windows at once, once.

    :param here: list of (record, user, name, editing)
    :returns: dict of lists of {"id", "name", "editing"} by the records' ids as text
    """
    people = {}
    for record, user, name, editing in sorted(here, key=lambda one: (one[2], one[1])):
        at = people.setdefault(str(record), [])
        if at and at[-1]['id'] == user:
            at[-1]['editing'] = at[-1]['editing'] or editing
        else:
            at.append({'id': user, 'name': name, 'editing': editing})
    return people


@longpolling.route('/live/presence')
def presence(request, model='', record=0, known=None, **kwargs):
    """Answer with who else looks at a record, as soon as it is not who the page knows.

    :returns: {"people": list of {"id", "name", "editing"}}; empty for a user who may not read the record
    """
    return _people(request, model, [record], lambda people: people.get(str(record), []), known)


@longpolling.route('/live/cards')
def cards(request, model='', records=(), known=None, **kwargs):
    """The same of several records, such as the cards of a kanban: the first MOST of them.

    :returns: {"people": dict of such lists by the ids, as text, of those records that somebody looks at}
    """
    return _people(request, model, records, lambda people: people, known)


def _people(request, model, records, form, known):
    asked = records if isinstance(records, (list, tuple)) else ()
    ids = [each for each in asked[:MOST] if type(each) in _integers and 0 < each < 2 ** 31]
    if not isinstance(model, _strings) or len(model) > MODEL or not ids:
        model, ids = '', [0]        # nobody ever looks at it
    while True:
        request.wait(*[channel_of(model, each) for each in ids], timeout=LOOK_AGAIN)
        people = form(request.model('longpolling.live.presence').who(model, ids))
        if people != known:
            return {'people': people}
