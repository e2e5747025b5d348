# -*- coding: utf-8 -*-
"""HTTP: the server, the parameters of a poll, its responses, and clients that disconnect."""
