"""Running the tools that install: their output goes to a log, their failure becomes one sentence."""
import errno
import os
import shutil
import subprocess

from ..paths import LOGS, SANDBOX
from ..errors import SandboxError

# What these tools say when the disk or the network is at fault; looked for in lower case.
FULL_DISK = 'no space left on device'
NO_NETWORK = ('temporary failure resolving', 'could not resolve', 'name or service not known',
              'network is unreachable', 'connection refused', 'connection timed out',
              'failed to establish a new connection', 'unable to connect', 'could not connect',
              'cannot connect to proxy')
WORTH_QUOTING = 'E: ', 'ERROR: ', 'error: '


def need(tool, package):
    """The path of `tool`; raises SandboxError naming the Debian `package` that has it."""
    path = shutil.which(tool, path=os.environ.get('PATH', os.defpath) + ':/usr/sbin:/sbin')
    if path is None:
        raise SandboxError(f'{tool} is missing: install the package {package} (the hosts are made of Debian '
                           'packages, so the sandbox needs Debian or a system derived from it).')
    return path


def run(command, log, purpose, environment=None, folder=None):
    """Run `command` to its end.

    log: name of the file under .sandbox/logs that keeps what it prints.
    purpose: what fails if it fails, as the beginning of a sentence, such as 'Downloading odoo-19'.
    environment: the whole environment (default: the caller's). Raises SandboxError.

    The command inherits the lock of the builds (lock.py); nothing else of the caller's is inheritable.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    path = LOGS / f'{log}.log'
    command = [str(word) for word in command]
    with open(path, 'ab') as output:
        output.write(f'$ {" ".join(command)}\n'.encode())
        output.flush()
        began = output.tell()
        status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                env=environment, cwd=folder, check=False, close_fds=False).returncode
    if status:
        with open(path, 'rb') as output:
            output.seek(began)
            raise SandboxError(explain(purpose, output.read().decode(errors='replace'), path))


def explain(purpose, output, path):
    """The sentence for a tool that failed with `output`, which the file `path` keeps."""
    lower = output.lower()
    if FULL_DISK in lower:
        return f'{purpose} failed because the disk is full: make room under {SANDBOX} and start again.'
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    quoted = [line for line in lines if line.startswith(WORTH_QUOTING)]
    reason = (quoted[:1] or lines[-1:] or ['it said nothing'])[0].rstrip('.')
    if any(words in lower for words in NO_NETWORK):
        return (f'{purpose} failed because a package registry could not be reached: check the network and '
                f'what apt and pip are configured with, and start again; it goes on where it stopped '
                f'({reason}; see {path}).')
    return f'{purpose} failed: {reason} (see {path}).'


def room(gigabytes):
    """Raise SandboxError unless the disk of .sandbox has this many gigabytes (10**9 bytes) free."""
    free = shutil.disk_usage(SANDBOX).free / 1e9
    if free < gigabytes:
        raise SandboxError(f'{free:.1f} GB are free where {SANDBOX} lies and {gigabytes:.1f} GB are needed: '
                           'make room and start again.')


def describe(error):
    """The sentence for an OSError that a step of a build raised."""
    if error.errno == errno.ENOSPC:
        return f'The disk is full: make room under {SANDBOX} and start again.'
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (f'{error.filename or SANDBOX} may not be written ({error.strerror}): run the sandbox as the '
                'user who owns it, or give this user the right to write there.')
    return f'Installing failed: {error}.'
