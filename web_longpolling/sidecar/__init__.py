# -*- coding: utf-8 -*-
"""The gevent process. ``application.py`` draws the way of a poll.

Arrows point from left to right only::

    service -> application -> request -> wire, database -> news -> loop
"""
