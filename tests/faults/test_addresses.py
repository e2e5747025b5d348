"""PostgreSQL by its Unix socket, by IPv6 and by name: what the host's db_host may be."""

import tempfile
from pathlib import Path

import pytest

from sandbox.run import privilege


@pytest.fixture(scope='module')
def everywhere(stack):
    """The folder of PostgreSQL's Unix socket; it listens by IPv6 too, until the end of these tests."""
    with tempfile.TemporaryDirectory(prefix='pg-', dir='/tmp') as folder:       # noqa: S108  short, as it must be
        privilege.give(Path(folder))
        Path(folder).chmod(0o755)
        stack.postgresql.execute(f"ALTER SYSTEM SET unix_socket_directories = '{folder}'")
        stack.postgresql.execute("ALTER SYSTEM SET listen_addresses = '127.0.0.1, ::1'")
        stack.restart_postgresql()
        yield folder
        stack.postgresql.execute('ALTER SYSTEM RESET ALL')
        stack.restart_postgresql()


@pytest.mark.parametrize('kind', ['unix', 'ipv6'])
def test_polls_are_answered_and_woken_whatever_the_address_is(stack, programs, everywhere, ann, kind):
    """The host's own option --db_host: a folder, or an address of IPv6."""
    address = {'unix': everywhere, 'ipv6': '::1'}[kind]
    with programs.serving('-c', stack.config, '-p', programs.port(), f'--db_host={address}') as serving:
        assert ann.poll('/who', url=serving.url).json()['uid'] == ann.uid
        health = ann.http.get(serving.url + '/health', timeout=30)
        assert (health.status_code, health.json()['listening']) == (200, {stack.db: True})
        outcome = programs.server('-c', stack.config, '-p', programs.port(), '--check', f'--db_host={address}')
        assert outcome.status == 0, outcome.out
