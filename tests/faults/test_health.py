"""/health, /health/live and /health/ready tell the truth: a module that is gone, a database that is silent."""

import pytest

from tests.support.clients import Session
from tests.support.held_polls import eventually

# In which a sidecar sees, and says, that something has changed; it looks every 5 s.
SEEN = 60


@pytest.fixture(scope='module')
def third(stack, dump) -> str:
    """The name of a database, a copy of the first, in which things are broken."""
    stack.postgresql.create_database('third')
    dump(stack.db, 'third')
    return 'third'


def ask(serving, session, path='/health') -> tuple[int, dict]:
    answer = session.http.get(serving.url + path, timeout=30)
    return answer.status_code, answer.json()


def test_health_follows_a_database_that_goes_and_comes_and_a_module_that_is_removed(stack, programs, third, sql, ann):
    """503 and one sentence with the reason, and live all the time: a restart would mend nothing."""
    resident = Session(stack.host, stack.host_url, third, stack.path).login()
    with programs.serving('-c', stack.config, '-d', third, '-p', programs.port()) as serving:
        assert ask(serving, ann) == (200, {'status': 'ok', 'polls_held': 0, 'listening': {third: True}})
        assert ask(serving, ann, '/health/ready') == (200, {'status': 'ok'})
        assert ask(serving, ann, '/health/live') == (200, {'status': 'ok'})

        sql(f'ALTER DATABASE {third} WITH ALLOW_CONNECTIONS false')
        try:
            sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (third,))
            eventually(lambda: ask(serving, ann)[0] == 503, SEEN, 0.2)
            status, told = ask(serving, ann, '/health/ready')
            assert (status, told['status']) == (503, 'no database')
            assert 'not currently accepting connections' in told['problems'][third] or 'Nothing is heard' in told[
                'problems'][third]
            assert ask(serving, ann, '/health/live') == (200, {'status': 'ok'})
        finally:
            sql(f'ALTER DATABASE {third} WITH ALLOW_CONNECTIONS true')
        eventually(lambda: ask(serving, ann) == (200, {'status': 'ok', 'polls_held': 0, 'listening': {third: True}}),
                   SEEN, 0.2)

        resident.uninstall('web_longpolling')
        eventually(lambda: ask(serving, ann)[0] == 503, SEEN, 0.2)
        eventually(lambda: ask(serving, ann)[1].get('problems') == {
            third: f"The module web_longpolling is not installed in the database {third}: install it with "
                   f"'oe -d {third} -i web_longpolling'."}, SEEN, 0.2)
        assert ask(serving, ann, '/health/live') == (200, {'status': 'ok'})
        assert 'Traceback' not in serving.log
