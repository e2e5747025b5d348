"""python web_longpolling/server.py -d mydb: its options, its log, its end."""

import re
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.paths import ROOT

from .test_declaring import LOGGER

END_SECONDS = 10
# Where each host looks for its configuration file if none is named.
WHERE_THE_HOST_LOOKS = {'openerp-7.0': 'OPENERP_SERVER', 'odoo-19.0': 'ODOO_RC'}


def test_help_lists_options_units_and_defaults(programs):
    """The server has these options: -d, -i, -p, --max-cursor; --help says what they are when they are not given."""
    outcome = programs.server('--help')
    said = ' '.join(outcome.out.split())
    assert outcome.status == 0
    for option, meaning in {
            '-c': 'default: where the server itself looks',
            '-d': 'default: db_name of the configuration file',
            '-i': 'default: 127.0.0.1',
            '-p': 'TCP port to listen on (default: 8068)',
            '--max-cursor': 'how many cursors of each database may be open at the same time'}.items():
        assert re.search(rf'(^| ){option}[ ,]', said), option
        assert meaning in said
    assert re.search(r'--max-cursor.*?\(default: \d+\)', said)


def test_the_command_line_of_the_specification_serves(stack, programs, ann):
    """python web_longpolling/server.py -d mydb: from the checkout, with the configuration where the host looks."""
    looks = {WHERE_THE_HOST_LOOKS[stack.host]: str(stack.config)}
    with programs.serving('-d', stack.db, '-p', programs.port(), cwd=ROOT, script='web_longpolling/server.py',
                          **looks) as serving:
        assert ann.poll('/who', url=serving.url).json()['db'] == stack.db


def test_the_databases_are_those_of_the_configuration_by_default(stack, programs, ann):
    """-d: Data bases names (Default: the conf file db_name)."""
    with programs.serving('-c', stack.config, '-p', programs.port()) as serving:
        assert ann.poll('/who', url=serving.url).json()['db'] == stack.db


def test_the_interface_is_that_of_the_option(stack, programs, visitor):
    """-i: Interface; -p: Port; the log says both as the specification does."""
    port = programs.port()
    with programs.serving('-c', stack.config, '-i', '127.0.0.2', '-p', port) as serving:
        assert serving.address == ('127.0.0.2', port)
        assert re.search(LOGGER + f"Start long polling server '127.0.0.2':{port}", serving.log)
        assert visitor.poll('/public', url=serving.url).status_code == 200
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(('127.0.0.1', port), timeout=5)


def test_interface_and_port_have_the_specifications_defaults(stack, programs):
    """-i: Interface (Default: 127.0.0.1); -p: Port (Default: 8068)."""
    with socket.socket() as blocker:
        blocker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            blocker.bind(('127.0.0.1', 8068))
            blocker.listen()
        except OSError:
            pass        # somebody else is there already
        outcome = programs.server('-c', stack.config)
    assert outcome.status == 1
    assert "Can't listen on 127.0.0.1 port 8068: " in outcome.err


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_ends_it_cleanly(stack, programs, visitor, number):
    """SIGTERM (and Ctrl-C) ends it with status 0 in bounded time, though a poll is held."""
    config = programs.config('held', longpolling_timeout=60)
    with programs.serving('-c', config, '-p', programs.port()) as serving, ThreadPoolExecutor(1) as pool:
        held = pool.submit(visitor.poll, '/silent', url=serving.url)
        time.sleep(0.5)
        assert not held.done()
        status, seconds = serving.stop(number, END_SECONDS + 5)
        assert status == 0
        assert seconds < END_SECONDS
        assert 'Traceback' not in serving.log
        assert held.exception() or held.result().status_code == 503


def test_the_log_can_be_a_file_of_its_own(stack, programs):
    """--logfile: two processes that rotate the same file lose lines, so the sidecar never writes to the host's."""
    place = stack.folder.tmp / 'own.log'
    config = programs.config('logfile', logfile=str(stack.folder.tmp / 'host-would-write.log'))
    with programs.serving('-c', config, '-p', programs.port()) as serving:
        assert "Start long polling server" in serving.log
    assert not (stack.folder.tmp / 'host-would-write.log').exists()
    port = programs.port()
    with programs.starting('-c', config, '-p', port, '--logfile', place):
        deadline = time.monotonic() + 60
        while not place.exists() or f"Start long polling server '127.0.0.1':{port}" not in place.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.1)
