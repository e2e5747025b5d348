"""How the sandbox installs: pins, steps, the private apt root, pip, and giving up root."""
import base64
import hashlib
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from sandbox.build import HOSTS, command, debian, environment, lock, odoo, openerp
from sandbox.build.steps import Step, carry_out, complete, marks
from sandbox.errors import SandboxError
from sandbox.paths import PINS, ROOT
from sandbox.run import privilege

PIN_FILES = sorted(PINS.glob('*.txt'))
RECIPES = {'openerp-7.0': openerp, 'odoo-19.0': odoo}


# -- pins -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('path', PIN_FILES, ids=lambda path: path.stem)
def test_every_pin_is_one_version_with_hashes(path):
    requirements = re.sub(r'\\\n', '', re.sub(r'(?m)^\s*#.*\n', '', path.read_text())).splitlines()
    assert requirements
    for requirement in requirements:
        assert re.match(r'[a-z0-9-]+==[\w.]+( ; .*?)?( +--hash=sha256:[0-9a-f]{64})+$', requirement), requirement


@pytest.mark.parametrize('path', sorted(PINS.glob('*.[it]*')), ids=lambda path: path.name)
def test_no_pin_names_a_registry(path):
    assert not re.search(r'://|index-url|find-links|trusted-host', path.read_text())


@pytest.mark.parametrize('path', PIN_FILES, ids=lambda path: path.stem)
def test_what_is_asked_for_is_what_is_pinned(path):
    """A version changed in NAME.in without running compile.sh would go unnoticed otherwise."""
    pinned = path.read_text().lower()
    for line in path.with_suffix('.in').read_text().lower().splitlines():
        requirement = re.match(r'([a-z0-9._-]+)(==[\w.]+)?', line)
        if requirement:
            name = re.sub(r'[._-]+', '-', requirement[1])
            assert re.search(f'^{re.escape(name)}{re.escape(requirement[2] or "==")}', pinned, re.MULTILINE), line


@pytest.fixture
def copied_pins(tmp_path, monkeypatch):
    """The pins in a folder where a test may change them."""
    for path in PIN_FILES:
        (tmp_path / path.name).write_text(path.read_text())
    monkeypatch.setattr(environment, 'PINS', tmp_path)
    return tmp_path


@pytest.mark.parametrize('changed', HOSTS)
def test_a_changed_pin_changes_the_fingerprint_of_its_host_alone(copied_pins, changed):
    before = {host: recipe.installation().fingerprint for host, recipe in RECIPES.items()}
    with open(copied_pins / f'{changed}.txt', 'a') as pins:
        pins.write('another==1\n')
    after = {host: recipe.installation().fingerprint for host, recipe in RECIPES.items()}
    assert [host for host in HOSTS if before[host] != after[host]] == [changed]


# -- steps ------------------------------------------------------------------------------------------------------------

def recording(folder, names, **inputs):
    """Steps that note in a file that they were done, so that a test can see which were."""
    def note(name):
        with open(folder / 'done', 'a') as done:
            done.write(f'{name} ')
    return [Step(name, name, lambda name=name: note(name), (inputs.get(name),)) for name in names]


def test_a_finished_build_does_nothing(tmp_path):
    steps = recording(tmp_path, 'abc')
    carry_out(tmp_path, steps)
    assert complete(tmp_path, steps)
    carry_out(tmp_path, steps)
    assert (tmp_path / 'done').read_text() == 'a b c '


def test_a_changed_input_repeats_its_step_and_those_after_it(tmp_path):
    carry_out(tmp_path, recording(tmp_path, 'abc', b=1))
    changed = recording(tmp_path, 'abc', b=2)
    assert not complete(tmp_path, changed)
    carry_out(tmp_path, changed)
    assert (tmp_path / 'done').read_text() == 'a b c b c '


def test_a_step_that_fails_is_done_again_and_the_ones_before_it_are_not(tmp_path):
    def fail():
        raise SandboxError('no')
    a, b, c = recording(tmp_path, 'abc')
    with pytest.raises(SandboxError):
        carry_out(tmp_path, [a, Step('b', 'b', fail, b.inputs), c])
    carry_out(tmp_path, [a, b, c])
    assert (tmp_path / 'done').read_text() == 'a b c '


def test_a_build_that_was_killed_goes_on_with_the_step_it_was_in(tmp_path):
    program = '''
import sys, time
from pathlib import Path
from sandbox.build.steps import Step, carry_out
folder = Path(sys.argv[1])
def note(name, seconds=0):
    with open(folder / 'done', 'a') as done: done.write(name + ' ')
    time.sleep(seconds)
carry_out(folder, [Step('a', 'a', lambda: note('a')), Step('b', 'b', lambda: note('b', float(sys.argv[2])))])
'''
    killed = subprocess.Popen([sys.executable, '-c', program, tmp_path, '60'], cwd=ROOT)
    await_(lambda: (tmp_path / 'done').exists() and (tmp_path / 'done').read_text() == 'a b ')
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    subprocess.run([sys.executable, '-c', program, tmp_path, '0'], cwd=ROOT, check=True)
    assert (tmp_path / 'done').read_text() == 'a b b '


def test_a_step_depends_on_all_before_it():
    nothing = Step('c', '', lambda: None)
    first = marks([Step('a', '', lambda: None, (1,)), nothing])
    second = marks([Step('a', '', lambda: None, (2,)), nothing])
    assert first[1] != second[1]


def test_a_second_builder_says_that_it_waits_and_then_builds(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(lock, 'SANDBOX', tmp_path)
    program = f'''
from pathlib import Path
from sandbox.build import lock
lock.SANDBOX = Path({str(tmp_path)!r})
with lock.building(): print('built')
'''
    with lock.building():
        other = subprocess.Popen([sys.executable, '-c', program], cwd=ROOT, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        assert 'Another process is building' in other.stderr.readline()
        assert other.poll() is None
    assert other.communicate(timeout=10)[0] == 'built\n'


def test_the_tool_of_a_killed_builder_is_waited_for(tmp_path, monkeypatch):
    program = f'''
from pathlib import Path
from sandbox.build import command, lock
lock.SANDBOX = command.LOGS = Path({str(tmp_path)!r})
with lock.building(): command.run(['sh', '-c', 'touch {tmp_path}/begun; sleep 1; touch {tmp_path}/ended'], 'log', '')
'''
    builder = subprocess.Popen([sys.executable, '-c', program], cwd=ROOT)
    await_((tmp_path / 'begun').exists)
    builder.kill()
    builder.wait()
    monkeypatch.setattr(lock, 'SANDBOX', tmp_path)
    with lock.building():
        assert (tmp_path / 'ended').exists()


def await_(condition, seconds=10):
    """Wait until `condition()` is true; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, 'waited in vain'
        time.sleep(0.02)


# -- Debian packages --------------------------------------------------------------------------------------------------

@pytest.fixture
def downloads(tmp_path, monkeypatch):
    """An empty folder of downloads, in a path with a space."""
    folder = tmp_path / 'down loads'
    monkeypatch.setattr(debian, 'DOWNLOADS', folder)
    monkeypatch.setattr(command, 'LOGS', tmp_path / 'logs')
    return folder


def make_package(folder, name='hello', version='1.0'):
    """A small Debian package with two files; its path."""
    tree = folder / 'tree'
    for path, text in {
        'DEBIAN/control': f'Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: a <a@b>\n'
                          'Description: test\n',
        'usr/share/hello/text': 'hello', 'usr/share/hello/de.po': 'hallo',
    }.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    tree.chmod(0o755)
    (tree / 'DEBIAN').chmod(0o755)
    archive = folder / f'{name}.deb'
    subprocess.run(['dpkg-deb', '--build', '--root-owner-group', tree, archive], check=True, capture_output=True)
    return archive


def test_a_package_is_unpacked_without_what_is_left_out(tmp_path, downloads):
    package = debian.Package('hello', 'sid')
    debian.kept(package).parent.mkdir(parents=True)
    make_package(tmp_path).rename(debian.kept(package))
    debian.unpack([package], tmp_path / 'a root', ['*.po'])
    assert os.listdir(tmp_path / 'a root/usr/share/hello') == ['text']


def test_a_damaged_package_is_named_and_downloaded_again_next_time(tmp_path, downloads):
    package = debian.Package('hello', 'sid')
    debian.kept(package).parent.mkdir(parents=True)
    debian.kept(package).write_bytes(make_package(tmp_path).read_bytes()[:300])
    with pytest.raises(SandboxError, match='Unpacking hello.deb failed'):
        debian.unpack([package], tmp_path / 'root')
    assert not (tmp_path / 'root').exists()
    assert not debian.kept(package).exists()


@pytest.fixture
def unsigned_mirror(tmp_path, monkeypatch):
    """A mirror on the disk whose suite `sid` nobody signed, in place of the machine's."""
    mirror = tmp_path / 'mirror'
    index = mirror / 'dists/sid/main/binary-all/Packages'
    index.parent.mkdir(parents=True)
    archive = make_package(tmp_path)
    (mirror / archive.name).write_bytes(archive.read_bytes())
    index.write_text('Package: hello\nVersion: 1.0\nArchitecture: all\nMaintainer: a <a@b>\nFilename: hello.deb\n'
                     f'Size: {archive.stat().st_size}\nSHA256: {digest(archive)}\nDescription: test\n')
    (mirror / 'dists/sid/Release').write_text(
        'Suite: sid\nCodename: sid\nArchitectures: amd64 arm64 all\nComponents: main\n'
        'Date: Mon, 01 Jan 2024 00:00:00 UTC\n'
        f'SHA256:\n {digest(index)} {index.stat().st_size} main/binary-all/Packages\n')
    mirror.chmod(0o755)
    monkeypatch.setattr(debian, 'machine_mirror', lambda: (f'file:{mirror}', 'sid'))
    return mirror


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_suite_without_a_good_signature_is_refused(unsigned_mirror, downloads):
    package = debian.Package('hello', 'sid')
    with pytest.raises(SandboxError, match='not signed'):
        debian.fetch([package])
    assert not debian.kept(package).exists()


def test_a_suite_that_lacks_a_package_or_has_an_old_one_gives_one_sentence():
    class Apt:
        mirror = 'the mirror'
    package = debian.Package('odoo-19', 'sid', '19.0')
    debian.check(package, '19.0.0+dfsg-1', Apt)
    with pytest.raises(SandboxError, match=r'^Debian sid has no package odoo-19 on .*point apt at a mirror'):
        debian.check(package, None, Apt)
    with pytest.raises(SandboxError, match=r'^Debian sid has odoo-19 18\.0 on .* 19\.0 or newer is needed'):
        debian.check(package, '18.0', Apt)


def test_the_machines_own_mirror_is_found():
    address, suite = debian.machine_mirror()
    assert suite in debian.SUITES
    assert '/dists' not in address


# -- pip and the other tools ------------------------------------------------------------------------------------------

@pytest.fixture
def local_wheel(tmp_path, monkeypatch):
    """A wheel on the disk that is all that pip can see, and a folder for the pins of a test; the wheel's path."""
    wheel = tmp_path / 'greeting-1.0-py3-none-any.whl'
    files = {'greeting.py': b'hello = 1\n',
             'greeting-1.0.dist-info/METADATA': b'Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n',
             'greeting-1.0.dist-info/WHEEL': b'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n'}
    record = ''.join(f'{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")},'
                     f'{len(data)}\n' for name, data in files.items())
    with zipfile.ZipFile(wheel, 'w') as archive:
        for name, data in {**files, 'greeting-1.0.dist-info/RECORD': record.encode()}.items():
            archive.writestr(name, data)
    monkeypatch.setattr(environment, 'PINS', tmp_path)
    monkeypatch.setattr(environment, 'DOWNLOADS', tmp_path / 'downloads')
    monkeypatch.setattr(command, 'LOGS', tmp_path / 'logs')
    monkeypatch.setenv('PIP_NO_INDEX', '1')
    monkeypatch.setenv('PIP_FIND_LINKS', str(tmp_path))
    return wheel


def test_an_environment_holds_what_is_pinned(tmp_path, local_wheel):
    (tmp_path / 'some.txt').write_text(f'greeting==1.0 --hash=sha256:{digest(local_wheel)}\n')
    environment.fill(tmp_path / 'an environment', 'some')
    python = environment.interpreter(tmp_path / 'an environment')
    assert subprocess.check_output([python, '-c', 'import greeting; print(greeting.hello)'], text=True) == '1\n'


def test_a_package_whose_hash_differs_is_refused(tmp_path, local_wheel):
    (tmp_path / 'some.txt').write_text(f'greeting==1.0 --hash=sha256:{"0" * 64}\n')
    with pytest.raises(SandboxError, match=r'(?i)hash'):
        environment.fill(tmp_path / 'environment', 'some')


@pytest.mark.parametrize(('said', 'advice'), [
    ('E: Could not resolve host', 'check the network'),
    ('ERROR: [Errno 28] No space left on device', 'make room'),
    ('something else', 'something else (see '),
])
def test_a_tool_that_fails_gives_one_sentence_with_advice(tmp_path, monkeypatch, said, advice):
    monkeypatch.setattr(command, 'LOGS', tmp_path)
    with pytest.raises(SandboxError) as error:
        command.run(['sh', '-c', 'echo first; echo "$1" >&2; exit 100', 'sh', said], 'log', 'Downloading')
    assert str(error.value).startswith('Downloading failed')
    assert advice in str(error.value)
    assert '\n' not in str(error.value)
    assert said in (tmp_path / 'log.log').read_text()


def test_a_missing_tool_names_its_package():
    with pytest.raises(SandboxError, match='^no-such-tool is missing: install the package some-package'):
        command.need('no-such-tool', 'some-package')


def test_a_disk_without_room_is_an_error_before_anything_is_downloaded(tmp_path, monkeypatch):
    monkeypatch.setattr(command, 'SANDBOX', tmp_path)
    command.room(0)
    with pytest.raises(SandboxError, match='make room'):
        command.room(1e9)


# -- giving up root ---------------------------------------------------------------------------------------------------

ASK = 'import os, sys; print(os.getuid(), os.access(sys.argv[1], os.R_OK), os.access(sys.argv[1], os.W_OK))'


@pytest.fixture
def closed_checkout(tmp_path, monkeypatch):
    """A file in a folder that only its owner may enter, taken for the checkout."""
    checkout = tmp_path / 'closed'
    checkout.mkdir(mode=0o700)
    (checkout / 'file').write_text('text')
    monkeypatch.setattr(privilege, 'ROOT', checkout)
    privilege.setpriv.cache_clear()
    yield checkout / 'file'
    privilege.setpriv.cache_clear()


def test_a_dropped_command_reads_a_closed_checkout_and_writes_nothing_there(closed_checkout):
    """os.access stands for what PostgreSQL's programs ask before they run one another."""
    asked = subprocess.check_output(privilege.drop([sys.executable, '-c', ASK, closed_checkout]), text=True)
    uid, _, _ = privilege.unprivileged()
    # An ordinary user stays who they are, and owns the file.
    assert asked.split() == [str(uid), 'True', str(os.geteuid() != 0)]


def test_a_dropped_command_keeps_its_process_id():
    process = subprocess.Popen(privilege.drop(['sh', '-c', 'echo $$']), stdout=subprocess.PIPE, text=True)
    assert int(process.communicate()[0]) == process.pid


def test_no_capability_is_lent_where_everyone_can_enter(monkeypatch):
    for name in ('ROOT', 'BOOTSTRAP'):
        monkeypatch.setattr(privilege, name, Path('/usr'))
    monkeypatch.setattr(sys, 'base_prefix', '/usr')
    assert privilege.lent_capabilities() == []


def test_a_root_that_can_lend_nothing_gives_one_sentence(closed_checkout, monkeypatch):
    monkeypatch.setattr(privilege, 'effective_capabilities', lambda: 0)
    with pytest.raises(SandboxError, match='move the checkout to a folder that everyone can enter'):
        privilege.lent_capabilities()


def test_what_is_given_belongs_to_the_unprivileged_user(tmp_path):
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'folder/link').symlink_to('/etc/passwd')
    owner = os.stat('/etc/passwd').st_uid
    privilege.give(tmp_path)
    uid, _, _ = privilege.unprivileged()
    assert {path.lstat().st_uid for path in (tmp_path, *tmp_path.rglob('*'))} == {uid}
    assert os.stat('/etc/passwd').st_uid == owner
