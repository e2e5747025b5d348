"""The floor: a bare gevent.pywsgi that holds each request until a line comes on its standard input.

`floor.py listen` releases them when the wake-up comes that follows a commit, too (the database of SANDBOX_DSN). A
request for `/now` is answered at once, and `/health` says how many are held, as the sidecar's does. The host's Python
runs this, so it must do on 2.7 as well.
"""

import json
import os
import resource
import socket as constants
import sys

import gevent
import psycopg2
from gevent.event import Event
from gevent.fileobject import FileObject
from gevent.pywsgi import WSGIServer
from gevent.socket import socket, wait_read

news = Event()
held = 0


def application(environ, start_response):
    global held
    environ['wsgi.input'].read()
    if environ['PATH_INFO'] == '/health':
        start_response('200 OK', [('Content-Type', 'application/json')])
        return [json.dumps({'polls_held': held}).encode()]
    if environ['PATH_INFO'] != '/openerplongpolling/now':
        held += 1
        news.wait()
        held -= 1
    start_response('200 OK', [('Content-Type', 'application/json')])
    return [b'{"last": 1, "events": [{"position": 1, "channel": "benchmark", "payload": {"text": "benchmark"}}]}']


def release():
    # A client that is quick may ask again before all have been released.
    global news
    old, news = news, Event()
    old.set()


def read():
    for _ in FileObject(sys.stdin.fileno(), 'rb', close=False):
        release()


def listen():
    connection = psycopg2.connect(os.environ['SANDBOX_DSN'])
    connection.autocommit = True
    connection.cursor().execute('LISTEN longpolling_feed')
    while True:
        wait_read(connection.fileno())
        connection.poll()
        if connection.notifies:
            del connection.notifies[:]
            release()


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
gevent.spawn(read)
if sys.argv[1:] == ['listen']:
    gevent.spawn(listen)
server.serve_forever()
