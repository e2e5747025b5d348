"""A shortage of file descriptors never changes or removes a session; polls are refused before descriptors run out."""

import contextlib
import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from sandbox.run import privilege
from tests.support.clients import visit
from tests.support.held_polls import connection, eventually
from tests.support.programs import ADDON
from tests.support.resource_baseline import check_quiet, opened

# Of which 117 are for connections of browsers: 67 held polls, and 50 for answers that there are too many.
DESCRIPTORS = 190
HELD = 67

LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({limit}, {limit}))
os.execv(sys.executable, [sys.executable] + sys.argv[1:])
"""


@pytest.fixture
def limited(programs, stack, tmp_path_factory):
    """A sidecar that may open few files."""
    script = stack.folder.path / 'limited.py'
    script.write_text(LIMITED.format(limit=DESCRIPTORS))
    with programs.serving(ADDON / 'server.py', '-c', stack.config, '-p', programs.port(), script=script) as serving:
        yield serving


@pytest.fixture
def sessions(stack):
    """A function that gives all files of the host's session store, with their contents."""
    place = stack.data / 'sessions'
    if stack.host == 'openerp-7.0':
        [place] = stack.folder.tmp.glob('oe-sessions-*')

    def read():
        return {path: path.read_bytes() for path in place.rglob('*') if path.is_file()}
    return read


def test_polls_are_refused_before_descriptors_run_out(stack, limited, crowd, sessions, ann):
    """Polls are refused before descriptors run out: 503, with more of them than there are descriptors."""
    before = sessions()
    urls = [('direct', limited.url)]
    with crowd(urls=urls, followers=200, pollers=20, listeners=0) as present:
        seen = []

        def crowded():
            seen.append(len(opened(limited.child.pid)))
            return present.answers[503, 'direct'] > 50 and max(seen) > DESCRIPTORS / 2
        eventually(crowded, 40)
        for _ in range(20):
            time.sleep(0.05)
            crowded()
    assert max(seen) < DESCRIPTORS - 10
    assert set(present.answers) <= {(200, 'direct'), (204, 'direct'), (503, 'direct')}
    assert sessions() == before
    assert ann.poll('/who', url=limited.url).json()['uid'] == ann.uid
    check_quiet(limited.log.partition('Start long polling server')[2])


@contextlib.contextmanager
def none_left(process: int):
    """The process can open no further file."""
    used = max(int(number) for number in os.listdir(f'/proc/{process}/fd'))
    before = Path(f'/proc/{process}/limits').read_text()
    hard = re.search(r'Max open files +\d+ +(\d+)', before).group(1)
    limit(process, used + 1, hard)
    try:
        assert first_free(process) is None
        yield
    finally:
        limit(process, hard, hard)


def limit(process, soft, hard):
    # As the user of the process: root may lack the capability.
    subprocess.run(privilege.drop(['prlimit', f'--pid={process}', f'--nofile={soft}:{hard}']), check=True)


def test_a_session_survives_that_there_are_none(stack, people, sessions, returns, log):
    """A shortage of file descriptors never changes or removes a session: 503 and not 401, and it is good afterwards."""
    new = visit(stack, 'person0')       # whose session the sidecar does not read before
    before = sessions()
    kept = [person.clone() for person in people]
    for person in kept:     # each has a connection to the sidecar that stays
        assert person.poll('/who', url=stack.sidecar_url).status_code == 200
    with returns(), contextlib.ExitStack() as full:
        held = 0
        while first_free(stack.sidecar_pid) is not None:
            full.enter_context(connection(kept[held % len(kept)], stack.sidecar_url, '/hold/never', {}))
            held += 1
            eventually(lambda held=held: following(kept[0], stack.sidecar_url) == held)
        with none_left(stack.sidecar_pid):
            for _ in range(3):
                for person in kept:         # whose session it has read, and which has not changed
                    assert person.poll('/who', url=stack.sidecar_url).json()['uid'] == person.uid
            kept[0].http.cookies, kept[0].session_id = new.http.cookies, new.session_id
            for _ in range(3):
                answer = kept[0].poll('/who', url=stack.sidecar_url)
                assert answer.status_code == 503, answer.text
                assert int(answer.headers['Retry-After']) > 0
            late = full.enter_context(connection(kept[0], stack.sidecar_url, '/who', {}))
            time.sleep(2.5)     # in which it tries several times
        assert late.recv(15).startswith(b'HTTP/1.1 200 ')       # it waited in the kernel's queue
    for person in people:
        assert person.clone().poll('/who').json()['uid'] == person.uid
    assert sessions() == before
    assert log().count('No connection is accepted for want of file descriptors') == 1
    assert log().count('Connections are accepted again') == 1
    assert 'Traceback' not in log()


def following(session, url) -> int:
    return session.poll('/news/held', url=url).json()['following']


def first_free(process: int) -> int | None:
    """The lowest number below the highest open one that is not open; None if there is none."""
    numbers = {int(number) for number in os.listdir(f'/proc/{process}/fd')}
    return next((number for number in range(max(numbers)) if number not in numbers), None)
