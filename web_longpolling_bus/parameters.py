# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The system parameters of the addon. What is wrong with one is logged, and must not keep a page from being loaded."""
import logging
import math

_logger = logging.getLogger(__name__)

PREFIX = 'web_longpolling_bus.'
TRANSPORTS = ('auto', 'longpolling', 'websocket')
# Seconds; a browser's timers end at 24 days.
MOST = 86400


def transport(env):
    """How browsers are to work, one of TRANSPORTS."""
    text = _text(env, 'transport')
    if text is not None and text.lower() in TRANSPORTS:
        return text.lower()
    if text is not None:
        _logger.warning("The system parameter %stransport is %r, but it may be one of %s; auto is taken.",
                        PREFIX, text, ', '.join(TRANSPORTS))
    return 'auto'


def seconds(env, name, default):
    """What a parameter says, a whole number from 1 to MOST.

    :param name: without the prefix
    :param default: what it is if it is not there, or is no number
    """
    text = _text(env, name)
    if text is None:
        return default
    try:
        number = float(text)
        if math.isnan(number):
            raise ValueError(text)
        return int(max(1, min(MOST, number)))
    except ValueError:
        _logger.warning("The system parameter %s%s is %r, but it must be a number of seconds; %d is taken.",
                        PREFIX, name, text, default)
        return default


def _text(env, name):
    value = env['ir.config_parameter'].sudo().get_param(PREFIX + name)
    return str(value).strip() or None if value else None
