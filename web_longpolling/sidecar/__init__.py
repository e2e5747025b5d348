# -*- coding: utf-8 -*-
"""What runs in the gevent process alone; ``application.py`` draws the way of a poll."""
