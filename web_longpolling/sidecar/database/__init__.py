# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""A served database: its registry, connections, cursor budget, snapshots, sessions and listener."""
