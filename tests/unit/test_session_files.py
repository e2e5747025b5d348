"""host/session_files.py and host/recent.py: what is remembered of session files, and how much of it."""

import os
import time

import pytest

from web_longpolling.errors import Unavailable
from web_longpolling.host import session_files
from web_longpolling.host.recent import Recent
from web_longpolling.host.session_files import SessionFiles


@pytest.fixture
def parsed():
    return []


@pytest.fixture
def files(tmp_path, parsed):
    def parse(name, content):
        parsed.append(name)
        return content.decode()
    return SessionFiles(lambda name: None if name == 'invalid' else str(tmp_path / name), parse)


def test_a_file_that_has_not_changed_is_not_read_again(files, tmp_path, parsed):
    (tmp_path / 'one').write_text('content')
    time.sleep(2 * session_files.SETTLED)
    assert [files.read('one') for _ in range(3)] == ['content'] * 3
    assert parsed == ['one']


def test_a_file_that_has_just_changed_is_read_again(files, tmp_path, parsed):
    """It may change once more within one tick of the clock, and look the same."""
    (tmp_path / 'one').write_text('content')
    assert [files.read('one') for _ in range(3)] == ['content'] * 3
    assert parsed == ['one'] * 3


def test_any_change_counts(files, tmp_path):
    path, other = tmp_path / 'one', tmp_path / 'other'
    path.write_text('content')
    time.sleep(2 * session_files.SETTLED)
    assert files.read('one') == 'content'
    status = path.stat()
    other.write_text('CONTENT')
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)     # the same size, the same time of change
    assert files.read('one') == 'CONTENT'
    path.unlink()
    assert files.read('one') is None
    assert files.read('invalid') is None


def test_a_shortage_is_no_logout(files, tmp_path):
    (tmp_path / 'one').mkdir()
    with pytest.raises(Unavailable):
        files.read('one')


def test_what_is_remembered_is_bounded_and_what_is_used_stays():
    recent = Recent(10)
    for number in range(1000):
        recent[number] = str(number)
        assert recent.get(0) == '0'
        assert len(recent) <= 20
    assert [recent.get(number) for number in range(991, 1000)] == [str(number) for number in range(991, 1000)]
    assert recent.get(500) is None
    recent.pop(0)
    assert recent.get(0) is None
