# -*- coding: utf-8 -*-
"""What Odoo 19.0 itself serves: where the polls go, and how long they last."""
from odoo import models

from .. import settings


class IrHttp(models.AbstractModel):
    _inherit = 'ir.http'

    def session_info(self):
        """Adds ``longpolling``: {path, timeout in seconds}, for ``@web/session`` in the browser."""
        info = super().session_info()
        info['longpolling'] = {'path': settings.read('longpolling_path'),
                               'timeout': settings.read('longpolling_timeout')}
        return info
