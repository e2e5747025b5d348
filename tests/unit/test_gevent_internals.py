"""loop/gevent_internals.py: what is used of gevent beyond its documented interface is still there."""

import socket

import gevent.socket
from gevent.pywsgi import WSGIHandler

from web_longpolling.sidecar.loop import gevent_internals


def test_gevent_has_the_monitoring_thread_that_is_derived_from():
    thread = gevent_internals.PeriodicMonitoringThread
    assert callable(thread.monitor_blocking)


def test_gevent_has_the_methods_that_the_server_overrides():
    assert [name for name in gevent_internals.OVERRIDDEN if not hasattr(WSGIHandler, name)] == []


def test_the_kernels_socket_is_found_below_gevents():
    one, other = gevent.socket.socketpair()
    try:
        other.send(b'x')
        assert gevent_internals.kernel_socket(one).recv(1, socket.MSG_DONTWAIT) == b'x'
    finally:
        one.close()
        other.close()
