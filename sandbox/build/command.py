"""Running the tools that install: their output goes to a log, their failure becomes one sentence."""
import errno
import os
import shutil
import subprocess

from ..places import LOGS, SANDBOX
from ..problems import SandboxError

# What these tools say when the disk or the network is at fault; looked for in lower case.
FULL_DISK = ('no space left on device',)
NO_NETWORK = ('temporary failure resolving', 'could not resolve', 'name or service not known', 'network is unreachable',
              'connection refused', 'connection timed out', 'failed to establish a new connection', 'unable to connect',
              'could not connect')
WORTH_QUOTING = ('E: ', 'ERROR: ', 'error: ', 'W: Failed')


def need(tool, package):
    """The path of `tool`; raises SandboxError naming the Debian `package` that has it."""
    path = shutil.which(tool, path=os.environ.get('PATH', os.defpath) + ':/usr/sbin:/sbin')
    if path is None:
        raise SandboxError('%s is missing: install the package %s (the hosts are made of Debian packages, so the sandbox '
                           'needs Debian or a system derived from it).' % (tool, package))
    return path


def run(command, log, purpose, environment=None, folder=None):
    """Run `command` to its end and return what it printed on standard output, as str.

    log: name of the file under .sandbox/logs that keeps its standard error and, if it fails, its output.
    purpose: what failed, as the beginning of the sentence, such as 'Downloading odoo-19'.
    environment: the whole environment (default: the caller's). Raises SandboxError.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    path = LOGS / (log + '.log')
    command = [str(word) for word in command]
    with open(path, 'ab') as errors:
        errors.write(('$ %s\n' % ' '.join(command)).encode())
        errors.flush()
        began = errors.tell()
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                              env=environment, cwd=folder)
        if done.returncode:
            errors.write(done.stdout)
    if done.returncode:
        with open(path, 'rb') as said:
            said.seek(began)
            raise SandboxError(explain(purpose, said.read().decode(errors='replace'), path))
    return done.stdout.decode(errors='replace')


def explain(purpose, output, path):
    """The sentence for a tool that failed with `output`, which `path` keeps."""
    lower = output.lower()
    if any(words in lower for words in FULL_DISK):
        return '%s failed because the disk is full: make room under %s and start again.' % (purpose, SANDBOX)
    quoted = [line.strip() for line in output.splitlines() if line.lstrip().startswith(WORTH_QUOTING)]
    reason = (quoted or [line.strip() for line in output.splitlines() if line.strip()] or ['it said nothing'])[-1]
    if any(words in lower for words in NO_NETWORK):
        return ('%s failed because a package registry could not be reached: check the network and what apt and pip are '
                'configured with, and start again; it goes on where it stopped (%s; see %s).' % (purpose, reason, path))
    return '%s failed: %s (see %s).' % (purpose, reason, path)


def room(gigabytes):
    """Raise SandboxError unless the disk of .sandbox has this many gigabytes (10**9 bytes) free."""
    folder = SANDBOX if SANDBOX.exists() else SANDBOX.parent
    free = shutil.disk_usage(folder).free / 1e9
    if free < gigabytes:
        raise SandboxError('%.1f GB are free where %s lies and %.1f GB are needed: make room and start again.'
                           % (free, SANDBOX, gigabytes))


def describe(error):
    """The sentence for an OSError that a step of a build raised."""
    if error.errno == errno.ENOSPC:
        return 'The disk is full: make room under %s and start again.' % SANDBOX
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return ('%s may not be written (%s): run the sandbox as the user who made it, or give this user the right to '
                'write there.' % (error.filename or SANDBOX, error.strerror))
    return 'Installing failed: %s.' % error
