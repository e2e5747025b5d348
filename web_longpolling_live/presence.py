# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What the sidecar answers about who looks at a record."""
from openerp.addons.web_longpolling.longpolling import longpolling

# Nobody says goodbye when a browser crashes: seconds between two looks for signs of life that stayed away.
LOOK_AGAIN = 15
# Seconds after its last sign of life at which a page counts as gone; it gives one every 20.
GONE = 50
# Seconds for which a sign of life needs no other one, however many windows a user has.
FRESH = 5


def channel_of(model, record):
    """The channel on which a page that opens or leaves a record says so."""
    return 'web_longpolling_live.presence:%s:%d' % (model, record)


@longpolling.route('/live/presence')
def presence(request, model='', record=0, known=None, **kwargs):
    """Answer with who else looks at a record, as soon as it is not who the page knows.

    :returns: {"people": list of {"id", "name", "editing"}}; empty for a user who may not read the record
    """
    while True:
        request.wait(channel_of(str(model)[:200], int(record)), timeout=LOOK_AGAIN)
        people = request.model('longpolling.live.presence').who(model, int(record))
        if people != known:
            return {'people': people}
