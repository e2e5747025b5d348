# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The event loop: fresh stacks, the clock, the deadline of a poll, the monitor of blocks."""
