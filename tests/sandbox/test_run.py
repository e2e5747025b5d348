"""The sandbox's promises about what it starts: who may end, what ends, what is left."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.addons import addons_folders, digest, own_addons
from sandbox.build import build, build_tools
from sandbox.commands.cli import module_names
from sandbox.errors import SandboxError
from sandbox.paths import ROOT
from sandbox.run import pidfile, ports, process
from sandbox.run.pidfile import Pidfile, Process
from sandbox.run.rundir import RunFolder
from sandbox.servers import nginx
from sandbox.servers.hostconfig import parse_options
from sandbox.servers.nginx import Dispatch, Nginx, render


@pytest.fixture
def folder():
    """The folder of a run of this test."""
    folder = RunFolder.create()
    yield folder
    pidfile.end_all(folder.pidfile.processes())
    folder.remove()


def start(folder, name, *command):
    """Start a program as a run starts its servers; returns it when it is that program."""
    child = subprocess.Popen(folder.pidfile.command(name, list(command)), start_new_session=True)
    deadline = time.monotonic() + 10
    while Path(f'/proc/{child.pid}/exe').readlink().name in ('dash', 'bash', 'sh', 'busybox'):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return child


# The pidfile

def test_a_program_is_written_down_before_it_runs(folder):
    child = start(folder, 'a', sys.executable, '-c', 'import time; time.sleep(60)')
    assert folder.pidfile.processes() == [pidfile.identify('a', child.pid)]


def test_a_process_id_that_was_used_again_is_left_alone(folder):
    child = start(folder, 'a', sys.executable, '-c', 'import time; time.sleep(60)')
    [entry] = folder.pidfile.processes()
    assert pidfile.end_all([entry._replace(started=entry.started - 1)]) == []
    assert child.poll() is None
    pidfile.end_all([entry])
    assert child.wait(5) == -signal.SIGTERM


def test_the_children_of_a_dead_server_are_found(folder):
    script = ('import subprocess, sys; child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]);'
              'print(child.pid, flush=True)')
    child = subprocess.Popen(folder.pidfile.command('a', [sys.executable, '-c', script]), stdout=subprocess.PIPE,
                             text=True, start_new_session=True)
    orphan = int(child.stdout.readline())
    child.wait(10)
    assert pidfile.read_stat(orphan)
    pidfile.end_all(folder.pidfile.processes())
    assert not pidfile.read_stat(orphan)


def test_a_server_that_ignores_sigterm_is_ended(folder):
    child = start(folder, 'a', sys.executable, '-c',
                  'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)')
    time.sleep(0.3)     # until it ignores
    begun = time.monotonic()
    pidfile.end_all(folder.pidfile.processes())
    assert child.wait(1) == -signal.SIGKILL
    assert time.monotonic() - begun < 5


def test_a_torn_last_line_of_the_pidfile_is_passed_over(tmp_path):
    book = Pidfile(tmp_path)
    book.create()
    book.record('a', os.getpid())
    with book.path.open('a') as file:
        file.write('b 123 (st')
    assert [entry.name for entry in book.processes()] == ['a']


def test_a_name_of_a_program_may_hold_spaces_and_parentheses():
    line = '7 (a) b (c) S 1 7 7 ' + ' '.join(str(number) for number in range(7, 53))
    assert pidfile.parse_stat(line)[:4] == (7, 'S', 1, 7)


# The guard

KILLED_RUN = """
import subprocess, sys, time
from sandbox.run.guard import Guard
from sandbox.run.rundir import RunFolder
folder = RunFolder.create()
guard = Guard(folder)
for name in ('postgresql', 'host', 'sidecar'):
    (folder.log / (name + '.log')).write_text('said something')
    subprocess.Popen(folder.pidfile.command(name, ['sleep', '60']), start_new_session=True)
command = subprocess.Popen(['sh', '-c', 'sleep 60 & wait'])
folder.pidfile.record('command', command.pid)
time.sleep(1)
print(folder.path, flush=True)
time.sleep(60)
"""


def test_the_guard_ends_what_a_killed_run_left_within_ten_seconds():
    run = subprocess.Popen([sys.executable, '-c', KILLED_RUN], cwd=ROOT, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True)
    left = RunFolder(Path(run.stdout.readline().strip()))
    started = left.pidfile.processes()
    started += [child for entry in started for child in pidfile.descendants(entry)]
    assert len(started) == 5
    run.kill()
    begun = time.monotonic()
    while left.path.exists() and time.monotonic() - begun < 10:
        time.sleep(0.1)
    assert not left.path.exists()
    assert not any(pidfile.is_alive(entry) for entry in started)
    said = run.stderr.read()
    assert 'was killed' in said and 'logs' in said
    run.wait()


# Ports

def test_two_runs_never_take_the_same_port(folder):
    taken = [ports.take_port(folder) for _ in range(30)]
    other = RunFolder.create()
    try:
        assert not set(taken) & {ports.take_port(other) for _ in range(30)}
    finally:
        other.remove()


def test_a_port_that_was_taken_in_the_last_moment_is_given_up_for_another(folder):
    with socket.socket() as thief:
        thief.bind(('127.0.0.1', 0))
        thief.listen()
        server = Nginx(build_tools(), folder, Dispatch(thief.getsockname()[1], 1, (2,)))
        server.start()
        try:
            assert server.dispatch.port != thief.getsockname()[1]
            assert ports.is_open(server.dispatch.port)
        finally:
            server.stop()


def test_a_server_that_does_not_start_is_an_error_with_the_end_of_its_log(folder):
    server = process.Server(folder, 'a', [sys.executable, '-c', 'raise SystemExit("the reason")'], ready=lambda: False)
    server.start()
    with pytest.raises(SandboxError, match='(?s)ended with status 1.*a.log.*the reason'):
        server.wait_ready(10)


# nginx

def test_the_dispatcher_is_the_production_file_with_nothing_but_its_settings_changed():
    production = nginx.PRODUCTION_FILE.read_text().splitlines()
    rendered = render(Dispatch(1111, 2222, (3333, 4444), '/otherpath', 30)).splitlines()[1:]
    changed = [line.split('#')[0].strip() for line in rendered if line not in production]
    assert len(production) - len(rendered) == 1     # "listen [::]" twice, and one more sidecar
    assert changed == [
        'server 127.0.0.1:3333 max_fails=0;', 'server 127.0.0.1:4444 max_fails=0;',
        'server 127.0.0.1:2222 fail_timeout=0;', 'server 127.0.0.1:2222 fail_timeout=0;',
        'listen 127.0.0.1:1111;', 'server_name 127.0.0.1 localhost;', 'location /otherpath {',
        'proxy_read_timeout 60s;']


def test_a_setting_that_is_not_found_in_the_production_file_is_an_error():
    text = nginx.PRODUCTION_FILE.read_text().replace('proxy_read_timeout 90s;', 'proxy_read_timeout 1m;')
    with pytest.raises(AssertionError, match='proxy_read_timeout'):
        render(Dispatch(1, 2, (3,)), text)


@pytest.fixture(scope='module')
def certificate(tmp_path_factory):
    """A self-signed certificate and its key, made with what Odoo's environment has."""
    place = tmp_path_factory.mktemp('tls')
    script = """
import datetime, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, 'localhost')])
now = datetime.datetime.now(datetime.timezone.utc)
certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    .serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
    .not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256()))
open(sys.argv[1], 'wb').write(certificate.public_bytes(serialization.Encoding.PEM))
open(sys.argv[2], 'wb').write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption()))
"""
    names = place / 'certificate.pem', place / 'key.pem'
    subprocess.run([build('odoo-19.0').python, '-c', script, *names], check=True)
    return names


def test_nginx_accepts_the_production_file_with_and_without_tls(folder, certificate):
    inside = tuple(folder.tmp / path.name for path in certificate)
    for source, copy in zip(certificate, inside, strict=True):
        copy.write_bytes(source.read_bytes())
    for tls in (None, inside):
        Nginx(build_tools(), folder, Dispatch(ports.take_port(folder), 1, (2, 3), tls=tls)).check()


# What a user may give

@pytest.mark.parametrize('word', ['longpolling_timeout', '=5', '#a=5', 'a=b\nc=d', '[x]=1'])
def test_an_option_that_is_no_line_of_a_configuration_file_is_refused(word):
    with pytest.raises(SandboxError, match='KEY=VALUE'):
        parse_options([word])


def test_the_value_of_an_option_may_hold_an_equals_sign():
    assert parse_options(['a = b=c', 'a=d', 'e=']) == {'a': 'd', 'e': ''}


def test_names_of_modules_may_be_given_by_comma_or_one_by_one():
    assert module_names(['a,b', ' c ']) == ['a', 'b', 'c']
    with pytest.raises(SandboxError, match='no name of a module'):
        module_names(['../a'])


def test_a_folder_without_addons_is_refused_and_an_addon_stands_for_its_folder(tmp_path):
    with pytest.raises(SandboxError, match='no such folder'):
        addons_folders([tmp_path / 'none'])
    with pytest.raises(SandboxError, match='no addon in it'):
        addons_folders([tmp_path])
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / '__openerp__.py').write_text("# -*- coding: utf-8 -*-\n{'name': 'Mine'}\n")
    assert addons_folders([tmp_path]) == addons_folders([tmp_path / 'mine']) == [tmp_path, ROOT]


def test_a_changed_source_of_a_dependency_asks_for_another_template(tmp_path):
    for name, depends in ('a', "['b', 'web']"), ('b', '[]'), ('c', '[]'):
        (tmp_path / name).mkdir()
        (tmp_path / name / '__manifest__.py').write_text(f"{{'name': 'X', 'depends': {depends}}}")
    own = own_addons(['a'], [tmp_path], 'odoo-19.0')
    assert sorted(own) == ['a', 'b']
    before = digest(own.values())
    (tmp_path / 'b' / 'module.pyc').write_bytes(b'generated')
    (tmp_path / 'c' / 'model.py').write_text('not installed')
    assert digest(own.values()) == before
    (tmp_path / 'b' / 'model.py').write_text('changed')
    assert digest(own.values()) != before


def test_a_process_that_does_not_exist_is_not_alive():
    assert not pidfile.is_alive(Process('a', 2 ** 22 + 1, 1))
