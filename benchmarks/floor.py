"""The floor: a bare gevent.pywsgi that holds each request until a line comes on its standard input.

A request for `/now` is answered at once. The host's Python runs this, so it must do on 2.7 as well.
"""

import resource
import socket as constants
import sys

import gevent
from gevent.event import Event
from gevent.fileobject import FileObject
from gevent.pywsgi import WSGIServer
from gevent.socket import socket

news = Event()


def application(environ, start_response):
    environ['wsgi.input'].read()
    if environ['PATH_INFO'] != '/openerplongpolling/now':
        news.wait()
    start_response('200 OK', [('Content-Type', 'application/json')])
    return [b'{"last": 1, "events": [{"position": 1, "channel": "benchmark", "payload": {"text": "benchmark"}}]}']


def release():
    for _ in FileObject(sys.stdin.fileno(), 'rb', close=False):
        news.set()
        gevent.sleep(0)
        news.clear()


_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
listener = socket()
# Accepted sockets inherit it. Without it head and body, which gevent sends apart, cost a client 40 ms of delayed ACK.
listener.setsockopt(constants.IPPROTO_TCP, constants.TCP_NODELAY, 1)
listener.bind(('127.0.0.1', 0))
listener.listen(16384)
server = WSGIServer(listener, application, log=None)
server.start()
sys.stdout.write(str(listener.getsockname()[1]) + '\n')
sys.stdout.flush()
gevent.spawn(release)
server.serve_forever()
