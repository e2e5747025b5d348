# -*- coding: utf-8 -*-
"""A served database: its registry, connections, cursor budget, snapshots, sessions and listener."""
