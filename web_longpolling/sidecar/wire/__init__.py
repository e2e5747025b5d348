# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""HTTP: the server, the parameters of a poll, its responses, and clients that disconnect."""
