"""Configuration mistakes stop the start with one sentence."""

import pytest


def sentence(outcome, status=1) -> str:
    """The one sentence with which the sidecar refused to start."""
    assert outcome.status == status, outcome.err
    assert 'Traceback' not in outcome.err + outcome.out
    [said] = [line for line in outcome.err.splitlines() if line.startswith('server.py: ')]
    assert outcome.err.splitlines()[-1] == said
    return said


OPTIONS = {
    'a path without a slash': (
        {'longpolling_path': 'otherpath'},
        'The configuration says longpolling_path = otherpath, which is not a path that begins with a slash'),
    'a path that ends with a slash': (
        {'longpolling_path': '/otherpath/'}, 'The configuration says longpolling_path = /otherpath/, which is not'),
    'a timeout that is no number': (
        {'longpolling_timeout': 'soon'},
        'The configuration says longpolling_timeout = soon, which is not a number of seconds'),
    'a negative timeout': (
        {'longpolling_timeout': '-30'}, 'longpolling_timeout = -30, which is not a number of seconds, from 1 to 86400'),
    'a timeout that is not a number at all': (
        {'longpolling_timeout': 'nan'}, 'longpolling_timeout = nan, which is not a number of seconds'),
    'a timeout that is a word of the host': (
        {'longpolling_timeout': 'True'}, 'longpolling_timeout = True, which is not a number of seconds'),
    'PostgreSQL elsewhere': ({'db_port': '1'}, "The database {db} can't be opened: "),
    'a wrong password': ({'db_password': 'wrong'}, "The database {db} can't be opened: "),
}


@pytest.mark.parametrize('mistake', OPTIONS)
def test_a_mistake_in_the_configuration_stops_the_start(stack, programs, mistake):
    """Configuration mistakes (no leading slash, a timeout that is no number, …) stop the start with one sentence."""
    options, expected = OPTIONS[mistake]
    outcome = programs.server('-c', programs.config('mistake', **options), '-p', programs.port())
    assert expected.format(db=stack.db) in sentence(outcome)


def test_an_unknown_database_stops_the_start(stack, programs):
    """An unknown database stops the start with one sentence, though another one is known."""
    outcome = programs.server('-c', stack.config, '-d', f'{stack.db},no_such_database', '-p', programs.port())
    said = sentence(outcome)
    assert "The database no_such_database can't be opened: " in said and 'does not exist' in said


def test_a_database_without_the_module_stops_the_start(stack, programs, sql):
    """A database in which web_longpolling is not installed: one sentence that says how to install it."""
    name = 'hollow'
    stack.postgresql.create_database(name)
    outcome = programs.server('-c', stack.config, '-d', name, '-p', programs.port())
    assert sentence(outcome) == (
        "server.py: The module web_longpolling is not installed in the database hollow: install it with "
        "'oe -d hollow -i web_longpolling'.")
    assert sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace", db=name) == [(0,)]


def test_a_busy_port_stops_the_start(stack, programs):
    """A busy port gives one sentence and a non-zero status."""
    port = stack.sidecars[0].port
    outcome = programs.server('-c', stack.config, '-p', port)
    assert sentence(outcome).startswith(f"server.py: Can't listen on 127.0.0.1 port {port}: ")
    assert 'give another one with -i and -p' in sentence(outcome)


@pytest.mark.parametrize('interface', ['192.0.2.1', 'no such host'])
def test_an_interface_that_is_not_here_stops_the_start(stack, programs, interface):
    """-i: an address that this machine does not have gives one sentence."""
    outcome = programs.server('-c', stack.config, '-p', programs.port(), '-i', interface)
    assert sentence(outcome).startswith(f"server.py: Can't listen on {interface} port ")


def test_a_configuration_file_that_is_not_there_stops_the_start(programs):
    """-c: a file that does not exist gives one sentence."""
    said = sentence(programs.server('-c', '/nonexistent/openerp.cfg'))
    assert 'The configuration file /nonexistent/openerp.cfg does not exist or may not be read' in said


@pytest.mark.parametrize('arguments, expected', [
    (('-p', 'http'), "invalid port number value: 'http'"),
    (('-p', '65536'), "invalid port number value: '65536'"),
    (('--max-cursor', '0'), "invalid number above zero value: '0'"),
    (('--max-cursor', 'many'), "invalid number above zero value: 'many'"),
    (('--no-such-option',), 'unrecognized arguments: --no-such-option'),
], ids=lambda value: ' '.join(value) if isinstance(value, tuple) else '')
def test_a_mistake_on_the_command_line_shows_the_usage(programs, arguments, expected):
    """Options that are not as --help says: what is wrong, status 2, as any command does."""
    outcome = programs.server(*arguments)
    assert outcome.status == 2
    assert expected in outcome.err
    assert 'Traceback' not in outcome.err
