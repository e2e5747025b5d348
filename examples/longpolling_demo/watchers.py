# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What the sidecar answers about who is looking at the wall."""
from openerp.addons.web_longpolling.longpolling import longpolling

# Nobody says goodbye: seconds between two looks for signs of life that stayed away.
LOOK_AGAIN = 15


@longpolling.route('/watchers')
def watchers(request, known=None, **kwargs):
    """Answer with the names of those who watch, as soon as they are not the names that the page knows."""
    while True:
        request.wait('longpolling_demo_watchers', timeout=LOOK_AGAIN)
        names = request.model('longpolling.demo.watcher').watching()
        if names != known:
            return {'names': names}
