"""Sessions that are elsewhere, or can't be read: said once in the log, and by /health."""

import contextlib
import tempfile
from pathlib import Path

import pytest

from sandbox.run import privilege
from tests.support.clients import expire
from tests.support.held_polls import eventually

WARNING = 'No session file is found, so everybody gets 401: user '


@pytest.fixture
def elsewhere(stack, programs):
    """`with elsewhere() as (serving, folder)`: a sidecar whose session store is in another folder than the host's."""
    @contextlib.contextmanager
    def start():
        with tempfile.TemporaryDirectory(prefix='elsewhere-') as folder:
            privilege.give(Path(folder))
            config = programs.config('elsewhere', data_dir=folder)
            with programs.serving('-c', config, '-p', programs.port(), TMPDIR=folder) as serving:
                yield serving, Path(folder)
    return start


def test_sessions_that_are_elsewhere_are_reported_once_and_a_store_that_breaks(stack, elsewhere, ann, visitor):
    """Everybody gets 401 and no session file is found: one warning with folder, user and what to compare."""
    with elsewhere() as (serving, folder):
        assert visitor.poll('/public', url=serving.url).status_code == 200
        for _ in range(3):
            assert ann.poll('/who', url=serving.url).status_code == 401
        [line] = [line for line in serving.log.splitlines() if WARNING in line]
        assert f' looks in {folder}/' in line
        assert f"with the same {'TMPDIR' if stack.host == 'openerp-7.0' else 'data_dir'} " in line
        for _ in range(10):
            ann.clone().poll('/who', url=serving.url)
        assert serving.log.count(WARNING) == 1

        def health():
            answer = visitor.http.get(serving.url + '/health', timeout=30)
            return answer.status_code, answer.json()
        eventually(lambda: health()[1]['status'] == 'ok', 30, 0.2)
        [store] = [path for path in folder.rglob('*sessions*') if path.is_dir()]
        store.rename(store.with_name('aside'))
        store.touch()       # whoever looks into it gets an error, whatever rights he has
        try:
            eventually(lambda: health()[0] == 503, 30, 0.2)
            told = health()[1]
            assert told['status'] == 'no sessions'
            assert told['problems']['sessions'].startswith("The sessions of your server can't be read: ")
            assert str(store) in told['problems']['sessions']
            assert ann.poll('/who', url=serving.url).status_code == 503
            assert ann.poll('/who', url=serving.url).status_code == 503
            assert serving.log.count("A session can't be read, so its polls get 503: user ") == 1
        finally:
            store.unlink()
            store.with_name('aside').rename(store)
        eventually(lambda: health()[0] == 200, 30, 0.2)
        assert 'Traceback' not in serving.log


def test_the_right_store_is_not_warned_of(stack, programs, ann, new_user):
    """A login that has ended is one that is not found, and no reason for a warning among others that are."""
    with programs.serving('-c', stack.config, '-p', programs.port()) as serving:
        gone = new_user('gone')
        assert ann.poll('/who', url=serving.url).status_code == 200
        expire(stack, gone)
        for _ in range(4):
            assert gone.poll('/who', url=serving.url).status_code == 401
        assert WARNING not in serving.log
