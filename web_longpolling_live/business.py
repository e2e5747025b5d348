# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Which models an administrator is offered to make live."""

# What is used most, if its application is installed, on either host.
MOST_USED = (
    'res.partner', 'crm.lead', 'sale.order', 'project.task', 'project.project', 'stock.picking', 'stock.picking.in',
    'stock.picking.out', 'purchase.order', 'account.move', 'account.invoice', 'mrp.production', 'helpdesk.ticket',
    'hr.leave', 'hr.holidays', 'hr.applicant', 'calendar.event', 'crm.meeting', 'event.registration',
    'maintenance.request', 'repair.order', 'fleet.vehicle', 'product.template', 'product.product', 'mail.activity')

# What lies below these menus is the system's, not a business's; base's external ids of them, if there are such.
SYSTEM_MENUS = ('menu_administration', 'menu_management', 'menu_tests')
# Nor are these, wherever menus show them: what they hold is written with much else.
SYSTEM = ('ir.', 'mail.', 'discuss.')


def business(opened, has_table):
    """The models of the views to which menus lead, beside the most used ones.

    :param opened: names of models that the actions of menus open, those of the system left out
    :param has_table: tells of a name whether there is such a model, with a table of its own that lasts
    :returns: list of names, sorted
    """
    opened = [name for name in opened if not name.startswith(SYSTEM)]
    return sorted(name for name in set(opened).union(MOST_USED) if has_table(name))
