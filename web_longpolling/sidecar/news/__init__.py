# -*- coding: utf-8 -*-
"""What was published, and who follows it."""
