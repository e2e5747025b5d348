# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The addons' code as this process has imported it, which no new registry changes."""
import logging
import os
import sys

_logger = logging.getLogger(__name__)

_imported = {}      # the time of last change of each file, by its path
_logged = set()


def check():
    """Log which addons' files are no longer those that were imported; called whenever modules are loaded."""
    changed = set()
    for name, module in list(sys.modules.items()):
        parts = name.split('.')
        if parts[:2] not in (['openerp', 'addons'], ['odoo', 'addons']) or len(parts) < 3:
            continue
        path = getattr(module, '__file__', None)
        if not path:
            continue
        path = path[:-1] if path.endswith('.pyc') else path
        try:
            time = os.stat(path).st_mtime
        except EnvironmentError:
            time = None
        if _imported.setdefault(path, time) != time:
            changed.add(parts[2])
    changed -= _logged
    if changed:
        _logged.update(changed)
        _logger.warning("The code of %s has changed since this process has imported it: restart the sidecar.",
                        ', '.join(sorted(changed)))
