"""server.py --check: a line for each thing that was looked at, and a status for scripts."""

import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# One database, one address: what is looked at, in this order.
HERE = ['configuration', 'log', 'database', 'connections', 'sessions', 'port', 'open files']
WAY = ['server', 'dispatcher', 'headers', 'own pages', 'hanging up', 'holding']
LINE = re.compile(r'(ok    |to do ) ([a-z ]+?)(?: (?<=database )(\S+))?: (\S.*)$')


def lines(outcome) -> list[tuple[bool, str, str]]:
    """(whether it is well, about what, how it is or what to do) for each line."""
    assert 'Traceback' not in outcome.err + outcome.out, outcome.err
    found = [LINE.match(line) for line in outcome.out.splitlines()]
    assert all(found), outcome.out
    return [(match[1].strip() == 'ok', match[2], match[4]) for match in found]


def test_all_is_well_beside_a_sidecar_that_runs(stack, programs, admin):
    """--check --url: one line each, ok, status 0; a poll is held longer than the timeout, and hanging up is noticed."""
    outcome = programs.server('-c', stack.config, '-p', stack.sidecars[0].port, '--check', '--url', stack.url)
    found = lines(outcome)
    assert [about for _, about, _ in found] == HERE + WAY
    assert all(well for well, _, _ in found) and outcome.status == 0, outcome.out
    told = {about: text for _, about, text in found}
    assert told['port'].startswith('a sidecar answers at 127.0.0.1:')
    assert re.search(r'web_longpolling \S+ is installed, PostgreSQL \d+\.\d+, notifications arrive', told['database'])
    assert re.search(rf'as user \w+: logins among the newest 200 files: \d+ of {stack.db}', told['sessions'])
    assert re.match('a poll was held for 4 s, longer than longpolling_timeout', told['holding'])


def test_all_is_well_before_the_first_start(stack, programs, dispatching):
    """Where no sidecar runs yet, the check listens in its place."""
    port = programs.port()
    dispatching(sidecar_ports=(port,))
    outcome = programs.server('-c', stack.config, '-p', port, '--check', '--url', stack.url)
    found = lines(outcome)
    assert [about for _, about, _ in found] == HERE + WAY
    assert all(well for well, _, _ in found) and outcome.status == 0, outcome.out
    assert (True, 'port', f'127.0.0.1:{port} is free') in found
    # The place is free again.
    with programs.serving('-c', stack.config, '-p', port):
        pass


def test_a_sidecar_that_begins_to_serve_meanwhile_is_no_traceback(programs, stack):
    """As the one that was started a moment before the check: its port is free until its registries are loaded."""
    port, taken = programs.port(), []

    class Late(BaseHTTPRequestHandler):
        def do_GET(self):
            if not taken:
                taken.append(socket.create_server(('127.0.0.1', port)))
            self.send_error(404)

        def log_message(self, *words):
            pass

    with ThreadingHTTPServer(('127.0.0.1', 0), Late) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        try:
            outcome = programs.server('-c', stack.config, '-p', port, '--check', '--url',
                                      f'http://127.0.0.1:{site.server_port}')
        finally:
            site.shutdown()
            taken[0].close()
    found = lines(outcome)
    assert [about for _, about, _ in found] == HERE + ['server', 'port']
    assert (True, 'port', f'127.0.0.1:{port} is free') in found
    assert not found[-1][0] and outcome.status == 1


def test_without_an_address_it_asks_nobody_but_postgresql(stack, programs):
    outcome = programs.server('-c', stack.config, '-p', programs.port(), '--check')
    assert [about for _, about, _ in lines(outcome)] == HERE and outcome.status == 0, outcome.out


def test_what_takes_long_is_said_on_standard_error(stack, programs):
    outcome = programs.server('-c', stack.config, '-p', stack.sidecars[0].port, '--check', '--url', stack.url)
    assert '... holding a poll for 4 s through the dispatcher (2 s)' in outcome.err


def test_an_address_needs_a_check(programs):
    outcome = programs.server('--url', 'https://www.example.com')
    assert outcome.status == 2 and '--url goes with --check' in outcome.err


def test_who_has_no_name_of_a_probe_finds_no_probe(stack, admin):
    """What the check asks through the dispatcher answers to a name that the sidecar's own port gave."""
    assert admin.poll('/-/probe/' + '0' * 32).status_code == 404
    assert admin.poll('/-/probe/').status_code == 404
    # The own port gives one, which the dispatcher does not publish.
    assert admin.http.post(stack.sidecar_url + '/probe', timeout=10).json()['name']
    assert 'name' not in admin.http.post(stack.url + '/probe', timeout=10).text[:100]


def test_a_probe_holds_few_polls_and_is_forgotten(stack, admin):
    """Who may ask the own port can't use it up: the latest few names are good."""
    names = [admin.http.post(stack.sidecar_url + '/probe', timeout=10).json()['name'] for _ in range(5)]
    statuses = [admin.poll('/-/probe/' + name).status_code for name in names]
    assert statuses == [404, 200, 200, 200, 200]


def test_where_none_is_named_it_looks_at_those_that_the_host_serves(stack, programs):
    """One line for each that has the module, and the same for the way through the dispatcher."""
    arguments = '-c', programs.config('unnamed', db_name=None), '-p', stack.sidecars[0].port, '--check'
    outcome = programs.server(*arguments, '--url', stack.url)
    found = lines(outcome)
    assert outcome.status == 0, outcome.out
    assert [about for _, about, _ in found if about not in WAY][:3] == ['configuration', 'log', 'databases']
    assert re.search(r'^ok     databases: none is named, so each of the \d+ that have the module is loaded when it is '
                     r'polled; your server serves \d+$', outcome.out, re.MULTILINE)
    assert f'ok     database {stack.db}: web_longpolling ' in outcome.out
    assert [about for _, about, _ in found][-len(WAY):] == WAY

    filtered = programs.server('-c', programs.config('filtered', db_name=None), '-p', programs.port(), '--check',
                               '--db-filter', '^no_such_name$')      # OpenERP overlooks that of the file
    assert filtered.status == 1, filtered.out
    assert ("to do  databases: none of the 0 that your server serves has the module web_longpolling: install it with "
            "'oe -d DATABASE -i web_longpolling'.") in filtered.out


def test_where_none_is_named_postgresql_is_looked_for_all_the_same(programs):
    """The check says it, and the start warns: it goes on, since a database is loaded when it is polled."""
    config = programs.config('unnamed-elsewhere', db_name=None, db_password='wrong')
    outcome = programs.server('-c', config, '-p', programs.port(), '--check')
    assert outcome.status == 1
    [line] = [line for line in outcome.out.splitlines() if not line.startswith('ok ')]
    assert line.startswith("to do  databases: PostgreSQL can't be asked which there are: ")
    assert 'password authentication failed' in line
    with programs.serving('-c', config, '-p', programs.port()) as serving:
        assert "Not as it should be, connections: PostgreSQL can't be asked: " in serving.log
