# -*- coding: utf-8 -*-
"""The feed's life in an Odoo 19.0 database: it comes, is purged and goes with the module."""
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
