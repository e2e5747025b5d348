# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""What the sidecar answers about the wall."""
from openerp.addons.web_longpolling.longpolling import longpolling


@longpolling.route('/wall')
def wall(request, **kwargs):
    """Answer with the notes that were written after the page's last answer, as soon as there are some."""
    return request.follow('wall')
