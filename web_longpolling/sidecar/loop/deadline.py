# -*- coding: utf-8 -*-
"""The one timer of a poll."""
import gevent


class PollTimeout(gevent.Timeout):
    """Nothing happened until the poll's timeout: 204, and the browser polls again.

    Not an Exception (gevent.Timeout is a BaseException): a controller's own
    ``except Exception`` must not keep a poll from ending.
    """
