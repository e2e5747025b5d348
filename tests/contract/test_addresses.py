"""Where the sidecar listens, IPv4, IPv6 or a Unix socket, and how it finds PostgreSQL: options and environment."""

import contextlib
import http.client
import json
import re
import signal
import socket
import time

import pytest

from tests.support.held_polls import eventually

from .test_mistakes import sentence


class ByUnixSocket(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__('localhost', timeout=30)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))

    def json(self, path):
        self.request('GET', path)
        return json.loads(self.getresponse().read())


@contextlib.contextmanager
def listening(programs, *arguments, **more):
    """A sidecar on a Unix socket; yields the Serving once its log says where it listens."""
    with programs.starting(*arguments, **more) as serving:
        deadline = time.monotonic() + 90
        while 'Start long polling server ' not in serving.log:
            assert serving.child.poll() is None and time.monotonic() < deadline, serving.log
            time.sleep(0.05)
        yield serving


def test_a_unix_socket_behind_nginx(stack, programs, place, ann, visitor, dispatching):
    """-i unix:PATH: polls come through nginx; a second sidecar is refused; the file goes with the sidecar, and one that
    was left over by a crash is in nobody's way."""
    arguments = '-c', stack.config, '-i', f'unix:{place}'
    assert programs.server(*arguments, '--check').status == 0 and not place.exists()
    with listening(programs, *arguments) as serving:
        assert f"Start long polling server 'unix:{place}'" in serving.log
        dispatching(sidecar_ports=(f'unix:{place}',))
        assert ann.clone().poll('/who').json()['uid'] == ann.uid
        assert visitor.poll('/public').status_code == 200
        assert ByUnixSocket(place).json('/health')['status'] == 'ok'
        assert sentence(programs.server(*arguments)) == (
            f"server.py: Can't listen on the Unix socket {place}: Address already in use; give another path with -i.")
        outcome = programs.server(*arguments, '--check', '--url', stack.url)
        assert outcome.status == 0, outcome.out + outcome.err
        assert f'ok     port: a sidecar answers at unix:{place} already, and says it is ok' in outcome.out
        serving.child.send_signal(signal.SIGKILL)
        serving.child.wait()
        assert place.exists()
    with listening(programs, *arguments) as serving:
        assert ByUnixSocket(place).json('/health')['status'] == 'ok'
        assert serving.stop()[0] == 0
        assert not place.exists()


def test_what_can_not_be_a_unix_socket_stops_the_start(stack, programs, place):
    """One sentence: a folder that is not there, a file of another kind, --reuse-port."""
    assert sentence(programs.server('-c', stack.config, '-i', 'unix:/nonexistent/polls.sock')).startswith(
        "server.py: Can't listen on the Unix socket /nonexistent/polls.sock: No such file or directory")
    place.write_text('not a socket')
    assert 'there is a file of this name that is no socket' in sentence(
        programs.server('-c', stack.config, '-i', f'unix:{place}'))
    assert place.read_text() == 'not a socket'
    assert '--reuse-port is for TCP ports' in sentence(
        programs.server('-c', stack.config, '-i', f'unix:{place}', '--reuse-port'))


def test_ipv6_and_both(stack, programs, ann, dispatching):
    """-i :: is all of IPv6 and IPv4, and an address of IPv4 is written as such; through nginx by IPv6."""
    port = programs.port()
    with programs.serving('-c', stack.config, '-i', '::', '-p', port, '--log-level', 'debug') as serving:
        assert serving.address == ('::', port)
        for address in ('127.0.0.1', '[::1]'):
            answer = ann.clone().poll('/who', url=f'http://{address}:{port}',
                                      headers={'Cookie': '{}={}'.format(*ann.cookie)})
            assert answer.json()['uid'] == ann.uid
        eventually(lambda: re.search(r': 127\.0\.0\.1 "POST ', serving.log) and re.search(': ::1 "POST ', serving.log))
        dispatching(sidecar_ports=(f'[::1]:{port}',))
        assert ann.clone().poll('/who').json()['uid'] == ann.uid
        outcome = programs.server('-c', stack.config, '-i', '::', '-p', port, '--check', '--url', stack.url)
        assert outcome.status == 0, outcome.out + outcome.err


# PostgreSQL


@pytest.fixture
def bare(programs):
    """A configuration file that says nothing of PostgreSQL."""
    return programs.config('bare', db_host=None, db_port=None, db_user=None, db_password=None, db_name=None)


@pytest.fixture
def where(stack) -> dict[str, str]:
    """Where PostgreSQL is, and who we are there."""
    postgresql = stack.postgresql
    return {'host': '127.0.0.1', 'port': str(postgresql.port), 'user': 'openerp', 'password': postgresql.password}


def reaches(stack, outcome) -> bool:
    return bool(re.search(rf'^ok     database {stack.db}: ', outcome.out, re.MULTILINE))


def test_the_hosts_own_options_reach_postgresql(stack, programs, bare, where):
    """--db_host and its like."""
    options = [f'--db_{name}={value}' for name, value in where.items()]
    ask = '-c', bare, '-d', stack.db, '-p', programs.port(), '--check'
    assert not reaches(stack, programs.server(*ask))
    assert reaches(stack, programs.server(*ask, *options))
    refused = programs.server(*ask, *options, '--db_sslmode=require')
    assert 'server does not support SSL' in refused.out, refused.out


def test_libpqs_environment_reaches_postgresql(stack, programs, bare, where):
    """PGHOST, PGPORT, PGUSER, PGPASSWORD."""
    environment = {f'PG{name.upper()}': value for name, value in where.items()}
    assert reaches(stack, programs.server('-c', bare, '-d', stack.db, '-p', programs.port(), '--check', **environment))


def test_the_official_containers_environment_reaches_postgresql(stack, programs, bare, where, ann):
    """HOST, PORT, USER, PASSWORD as its entrypoint takes them: what the file says goes first, and HOST and USER alone,
    which many shells have, mean nothing."""
    environment = {name.upper(): value for name, value in where.items()}
    with programs.serving('-c', bare, '-d', stack.db, '-p', programs.port(), **environment) as serving:
        assert ann.poll('/who', url=serving.url).json()['uid'] == ann.uid
    secret = stack.folder.tmp / 'password'
    secret.write_text(environment.pop('PASSWORD') + '\n')
    assert reaches(stack, programs.server('-c', bare, '-d', stack.db, '-p', programs.port(), '--check',
                                          PASSWORD_FILE=str(secret), **environment))
    ask = '-c', stack.config, '-p', programs.port(), '--check'
    assert reaches(stack, programs.server(*ask, HOST='192.0.2.1', USER='nobody', PASSWORD='wrong'))
    assert reaches(stack, programs.server(
        '-c', bare, '-d', stack.db, '-p', programs.port(), '--check', HOST='192.0.2.1', USER='nobody',
        **{f'PG{name.upper()}': value for name, value in where.items()}))


def test_a_folder_of_data_is_odoos_alone(stack, programs):
    """--data-dir: OpenERP 7.0 has none, and says where its sessions are."""
    outcome = programs.server('-c', stack.config, '-p', programs.port(), '--check', '--data-dir', stack.folder.tmp)
    if stack.host == 'openerp-7.0':
        assert outcome.out == ('to do  configuration: OpenERP 7.0 has no --data-dir: its sessions lie in '
                               'oe-sessions-USER, below TMPDIR.\n')
    else:
        assert f'ok     sessions: {stack.folder.tmp}/sessions has no login of these databases' in outcome.out
