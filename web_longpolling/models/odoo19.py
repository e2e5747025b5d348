# -*- coding: utf-8 -*-
"""What Odoo 19.0 stores and serves: the feed's table, and where the browser polls."""
from odoo import models

from .. import schema, settings


class Feed(models.AbstractModel):
    _name = 'longpolling.feed'
    _description = 'Feed of long polling events'

    def init(self):
        schema.create(self.env.cr)

    def _purge(self):
        """Called by the scheduled action: delete what is older than ``longpolling_retention``."""
        return schema.purge(self.env.cr, settings.read('longpolling_retention'))


class Module(models.Model):
    _inherit = 'ir.module.module'

    def module_uninstall(self):
        names = self.mapped('name')
        result = super().module_uninstall()
        if 'web_longpolling' in names:
            schema.drop(self.env.cr)
        return result


class IrHttp(models.AbstractModel):
    _inherit = 'ir.http'

    def session_info(self):
        """Adds ``longpolling``, for ``@web/session`` in the browser."""
        return dict(super().session_info(), longpolling=self._longpolling())

    def get_frontend_session_info(self):
        """The same for public pages."""
        return dict(super().get_frontend_session_info(), longpolling=self._longpolling())

    @staticmethod
    def _longpolling():
        return {'path': settings.read('longpolling_path'), 'timeout': settings.read('longpolling_timeout')}
