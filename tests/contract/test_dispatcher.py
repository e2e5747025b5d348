"""Make your Nginx/Apache conf: the specification's own nginx configuration dispatches polls and everything else."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox.run import privilege
from sandbox.run.ports import is_open
from sandbox.run.process import Server
from tests.support.clients import Session

# The specification's, but for the ports and what a private nginx needs around it.
CONFIGURATION = """
daemon off;
pid "{place}/nginx.pid";
error_log stderr;

worker_processes  1;

events {{
    worker_connections  1024;
}}

http {{
    access_log off;
    client_body_temp_path "{place}/body";
    proxy_temp_path "{place}/proxy";
    fastcgi_temp_path "{place}/fastcgi";
    uwsgi_temp_path "{place}/uwsgi";
    scgi_temp_path "{place}/scgi";

    server {{
        listen  127.0.0.1:{port};
        server_name www.myopenerp.fr;
        location / {{
          proxy_pass   http://127.0.0.1:{host};
        }}
        location /openerplongpolling {{
          proxy_pass   http://127.0.0.1:{sidecar};
        }}
    }}
}}
"""


@pytest.fixture(scope='module')
def url(stack, programs):
    """The address of an nginx with the specification's configuration."""
    port = programs.port()
    place = stack.folder.path / 'specification-nginx'
    place.mkdir()
    configuration = place / 'nginx.conf'
    configuration.write_text(CONFIGURATION.format(
        place=place, port=port, host=stack.host_port, sidecar=stack.sidecars[0].port))
    privilege.give(place)
    server = Server(stack.folder, 'specification-nginx', [
        stack.tools.nginx, '-e', 'stderr', '-p', place, '-c', configuration], ready=lambda: is_open(port))
    server.start()
    server.wait_ready(30)
    yield f'http://127.0.0.1:{port}'
    server.stop()


def test_the_dispatcher_of_the_specification_serves_host_and_sidecar(stack, url):
    """location / goes to the OpenERP server, location /openerplongpolling to the long polling server."""
    session = Session(stack.host, url, stack.db).login()
    assert session.rpc('res.users', 'read', [[session.uid], ['login']])[0]['login'] == 'admin'
    assert session.poll('/who').json()['uid'] == session.uid


def test_the_default_path_is_openerplongpolling(url, visitor):
    """/openerplongpolling is the default path to dispatch the poll."""
    assert visitor.http.get(url + '/openerplongpolling/public', timeout=30).json() == {'has': []}


def test_the_dispatcher_of_the_specification_holds_a_poll(url, visitor):
    """The server holds the request and waits for information to become available, or for a timeout."""
    begun = time.monotonic()
    assert visitor.http.get(url + '/openerplongpolling/silent', timeout=30).status_code == 204
    assert time.monotonic() - begun > 2


def test_polls_held_leave_the_host_free(stack, ann, visitor):
    """All the polls have got the same thread; the OpenERP server stays available while a hundred are held."""
    before = threads(stack.sidecar_pid)
    with ThreadPoolExecutor(100) as pool:
        held = [pool.submit(visitor.clone().poll, '/silent') for _ in range(100)]
        time.sleep(0.8)
        begun = time.monotonic()
        assert ann.rpc('res.users', 'read', [[ann.uid], ['login']])[0]['login'] == 'ann'
        assert time.monotonic() - begun < 1.5
        assert not any(poll.done() for poll in held)
        assert threads(stack.sidecar_pid) == before
        assert {poll.result().status_code for poll in held} == {204}


def threads(pid) -> int:
    """How many threads a process has."""
    return len(list(Path(f'/proc/{pid}/task').iterdir()))
