"""The disk full: polls get 503 or go on, the process stays."""

import contextlib
import os
import subprocess

import psycopg2
import pytest

from sandbox.run import privilege
from sandbox.run.ports import is_open
from tests.support.held_polls import eventually
from tests.support.programs import ADDON
from tests.support.resource_baseline import check_quiet
from web_longpolling import publishing

LISTENERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'longpolling%'"


@pytest.mark.parametrize('way', ['--logfile', 'console'])
def test_a_sidecar_whose_log_is_full_goes_on(stack, programs, people, sql, way):
    """The disk of the log is full: every write to /dev/full fails with "No space left on device"."""
    port = programs.port()
    words = [ADDON / 'server.py', '-c', stack.config, '-p', port]
    if way == '--logfile':
        words += ['--logfile', '/dev/full']
    with open('/dev/full', 'w') as full:
        child = programs._start(words, {}, stdout=full, stderr=full)
    try:
        eventually(lambda: is_open(port), 90)
        url = f'http://127.0.0.1:{port}'
        for person in people:
            assert person.clone().poll('/who', url=url).json()['uid'] == person.uid
        sql(LISTENERS)          # which makes it log a line
        eventually(lambda: people[0].clone().poll('/fails', url=url).status_code == 500)
        for person in people:
            assert person.clone().poll('/who', url=url).json()['uid'] == person.uid
        health = people[0].clone().http
        eventually(lambda: health.get(url + '/health', timeout=10).json()['listening'][stack.db])
        assert child.poll() is None
        child.terminate()
        assert child.wait(20) == 0
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


@pytest.fixture
def small_disk(stack, sql):
    """The feed's table lies on a disk of its own, which has one megabyte, until the end of the test.

    Mounting needs root. For others /dev/full stands for the full disk: the kernel's answer is the same.
    """
    place = stack.folder.path / 'small'
    place.mkdir()
    privilege.give(place)
    disk = Tmpfs(stack, sql, place) if os.geteuid() == 0 else Symlink(stack, sql, place)
    try:
        disk.begin()
        yield disk
    finally:
        disk.end()


class Tmpfs:
    """A tablespace on a tmpfs."""

    def __init__(self, stack, sql, place):
        self.stack = stack
        self.sql = sql
        self.place = place

    def begin(self):
        uid, gid, _ = privilege.unprivileged()
        subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size=1m,uid={uid},gid={gid},mode=700', 'small', self.place],
                       check=True)
        self.sql(f"CREATE TABLESPACE small LOCATION '{self.place}'")
        self.sql('TRUNCATE longpolling_event')
        self.sql('ALTER TABLE longpolling_event SET TABLESPACE small')

    def fill(self):
        filler = self.place / 'filler'
        with contextlib.suppress(OSError), filler.open('wb', buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def empty(self):
        (self.place / 'filler').unlink()

    def end(self):
        with contextlib.suppress(psycopg2.Error):
            self.sql('ALTER TABLE longpolling_event SET TABLESPACE pg_default')
            self.sql('DROP TABLESPACE small')
        subprocess.run(['umount', '--lazy', self.place], check=False)


class Symlink(Tmpfs):
    """The table's file is /dev/full."""

    def begin(self):
        self.sql('TRUNCATE longpolling_event')

    def fill(self):
        self.sql('TRUNCATE longpolling_event')
        [(path,)] = self.sql("SELECT pg_relation_filepath('longpolling_event')")
        file = self.stack.postgresql.place / path
        file.unlink()
        file.symlink_to('/dev/full')

    def empty(self):
        self.sql('TRUNCATE longpolling_event')      # into a file of its own

    def end(self):
        pass


def use_up(stack, channel):
    """Publish until not even the shortest event finds room."""
    with contextlib.closing(psycopg2.connect(stack.dsn)) as connection, connection.cursor() as cr:
        for size in (6000, 600, 60, 6):
            with pytest.raises(psycopg2.OperationalError, match='No space left on device') as refused:
                while True:
                    publishing.publish(cr, channel, os.urandom(size // 2).hex())
                    connection.commit()
            assert refused.value.pgcode == '53100'
            connection.rollback()


def test_a_crowd_goes_on_when_the_disk_of_postgresql_is_full(stack, crowd, returns, small_disk, channel, log):
    """The disk of PostgreSQL is full: publishing fails with an error, polls go on, and later events arrive."""
    with returns(), crowd(allowed=(200, 204), size=1500) as present:
        present.wait()
        small_disk.fill()
        use_up(stack, f'{channel}-filler')
        eventually(lambda: present.publisher.refused['DiskFull'])
        published = len(present.publisher.committed)
        present.wait()
        assert len(present.publisher.committed) <= published + 1
        small_disk.empty()
        eventually(lambda: len(present.publisher.committed) > published + 2)
    check_quiet(log())


def test_a_poll_that_finds_no_room_to_sort_gets_503(stack, ann, sql, log):
    """The disk is full, or a poll has taken all that it may: polls get 503, and the log has one line."""
    sql('ALTER SYSTEM SET temp_file_limit = 64')
    sql('SELECT pg_reload_conf()')
    try:
        eventually(lambda: ann.poll('/read/sort', {'rows': 300000}).status_code == 503)
        for _ in range(5):
            answer = ann.poll('/read/sort', {'rows': 300000})
            assert answer.status_code == 503
            assert int(answer.headers['Retry-After']) > 0
        assert ann.poll('/who').status_code == 200
    finally:
        sql('ALTER SYSTEM RESET temp_file_limit')
        sql('SELECT pg_reload_conf()')
    eventually(lambda: ann.poll('/read/sort', {'rows': 300000}).status_code == 200)
    assert log().count('does not answer: temporary file size exceeds') == 1
    assert 'Traceback' not in log() and log().count('\n') <= 5
