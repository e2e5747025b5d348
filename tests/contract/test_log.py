"""What is logged of polls: the database, the user, and clients that hang up; --log-level, --routes, --version."""

import re
import subprocess
import sys
import time

from sandbox.paths import ROOT
from tests.support.held_polls import connection, eventually

WRONG = {'server.py': 'gevent, psycopg2, psycogreen, prometheus_client, werkzeug', 'oe.py': 'psycopg2'}
DEPRIVED = (sys.executable, '-S')       # a Python with nothing but its standard library


def test_a_line_about_a_poll_names_its_database_and_user(stack, ann, log):
    """Log lines carry database and user."""
    assert ann.poll('/fails').status_code == 500
    [line] = [line for line in log().splitlines() if 'The poll of ' in line]
    assert f' ERROR {stack.db} ' in line
    assert line.rstrip().endswith(f"The poll of '{stack.path}/fails' failed [user {ann.uid}]")
    assert 'ValueError: the secret number is 4711' in log()


def test_requests_are_logged_at_debug_and_one_that_hung_up_is_no_500(stack, programs, ann, visitor):
    """--log-level debug: one line a request, with user and database; who hangs up has no status."""
    with programs.serving('-c', programs.config('held', longpolling_timeout=60), '-p', programs.port(),
                          '--log-level', 'debug') as serving:
        assert ann.poll('/who', url=serving.url).status_code == 200
        assert visitor.poll('/public', url=serving.url).status_code == 200
        with connection(ann, serving.url, '/silent', {}):
            time.sleep(0.5)
        eventually(lambda: 'hung up' in serving.log)
        assert 'SELECT' not in serving.log      # the host's own lines stay as they were
        assert re.search(rf'DEBUG \S+ \S+: 127\.0\.0\.1 "POST {stack.path}/who HTTP/1\.1" 200 OK, \d+ bytes, '
                         rf'\d+\.\d+ s, user {ann.uid} of {stack.db}', serving.log)
        assert re.search(rf'"POST {stack.path}/public HTTP/1\.1" 200 OK, \d+ bytes, \d+\.\d+ s, nobody', serving.log)
        assert re.search(rf'"POST {stack.path}/silent HTTP/1\.1" hung up, 0 bytes, .* of {stack.db}', serving.log)
        assert ' 500' not in serving.log


def test_what_is_below_the_level_is_not_logged(stack, programs, visitor):
    """--log-level: what is logged at least."""
    port = programs.port()
    with programs.starting('-c', stack.config, '-p', port, '--log-level', 'error') as starting:
        def answers():
            try:
                return visitor.http.get(f'http://127.0.0.1:{port}/health', timeout=10).status_code == 200
            except OSError:
                return False
        eventually(answers, 90, 0.2)
        assert not re.search(' (INFO|WARNING) .*web_longpolling', starting.log), starting.log


def test_the_routes_are_listed(stack, programs):
    """--routes: module, path, mode, login, databases."""
    outcome = programs.server('-c', stack.config, '-p', programs.port(), '--routes')
    assert outcome.status == 0, outcome.err
    rows = [re.split(r'\s{2,}', line) for line in outcome.out.splitlines()]
    assert rows[0] == ['module', 'path', 'mode', 'login', 'databases']
    assert ['longpolling_test', f'{stack.path}/who', 'json', 'yes', stack.db] in rows
    assert ['longpolling_test', f'{stack.path}/public', 'json', 'no', stack.db] in rows
    assert ['longpolling_test', f'{stack.path}/http/text', 'http', 'yes', stack.db] in rows


def test_without_a_name_the_routes_of_every_database_are_listed(stack, programs):
    """--routes without -d: of each that the server serves and that has the module; if none does, that is said."""
    config = programs.config('unnamed-routes', db_name=None)
    outcome = programs.server('-c', config, '--routes', '--db-filter', f'^{stack.db}$')
    assert outcome.status == 0, outcome.out
    rows = [re.split(r'\s{2,}', line) for line in outcome.out.splitlines()]
    assert ['longpolling_test', f'{stack.path}/who', 'json', 'yes', stack.db] in rows
    outcome = programs.server('-c', config, '--routes', '--db-filter', '^no_such_name$')
    assert (outcome.status, outcome.out) == (1, (
        "server.py: No database is named, and none of the 0 that your server serves has the module web_longpolling: "
        "install it with 'oe -d DATABASE -i web_longpolling'.\n"))


def test_the_version_is_that_of_all_that_matters(programs):
    outcome = programs.server('--version')
    assert outcome.status == 0, outcome.err
    assert re.fullmatch(r'web_longpolling \d+\.\d+\.\d+, Python \S+, gevent \S+, psycopg2 \S+, werkzeug \S+, '
                        r'(odoo 19\.0|openerp 7\.0)\n', outcome.out)


def test_the_wrong_python_gets_one_sentence():
    """The command that installs what is missing, and no traceback."""
    for script, names in WRONG.items():
        outcome = subprocess.run([*DEPRIVED, ROOT / 'web_longpolling' / script], capture_output=True, text=True,
                                 check=False)
        assert outcome.returncode == 1
        assert re.fullmatch(
            rf"{script.removesuffix('.py') if script == 'oe.py' else script}: This Python, {sys.executable}, can't "
            rf"import {names}: run the command with the Python of your server, or install what is missing with "
            r"'(\S+ -m pip|apt) install \S.*'\.\n", outcome.stderr), outcome.stderr
