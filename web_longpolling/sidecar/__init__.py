# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The gevent process. ``application.py`` draws the way of a poll.

Arrows point from left to right only::

    service -> application -> request -> wire, database -> news -> loop
"""
