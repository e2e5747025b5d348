"""A running stack: PostgreSQL, a fresh database, the host, its sidecar and nginx, for as long as a `with` lasts.

    with running('odoo-19.0', install=['longpolling_demo']) as stack:
        requests.get(stack.url)

    running()
      build, build_tools      installs what is missing (idempotent)
      RunFolder, Guard        where everything of the run lies, and who cleans up if the run is killed
      Templates.copy          a database with the modules installed
      Stack.bring_up          PostgreSQL, then host, sidecar and nginx side by side
      …the body…
      Stack.take_down         nginx, sidecar, host, PostgreSQL; whatever happens

`python3 -m sandbox run` is this, with a command for a body (see `command`).
"""

import contextlib
import os
import signal
import sys
import time

from .addons import addons_folders
from .build import DEFAULT_HOST, HOSTS, build, build_tools
from .errors import SandboxError
from .run import privilege
from .run.guard import Guard
from .run.pidfile import end_all
from .run.rundir import RunFolder
from .stack import Stack
from .template import Templates


def say(text: str):
    """Print a line for the user, on standard error: a command's own output stays clean."""
    print(f'sandbox: {text}', file=sys.stderr, flush=True)


@contextlib.contextmanager
def running(host=DEFAULT_HOST, addons=(), install=(), options=None, sidecar_args=(), sidecar=True, say=say):
    """A stack that is up: a Stack, taken down again at the end of the `with`.

    host            a name of HOSTS
    addons          folders with addons, beside the checkout's own
    install         modules to install beside web_longpolling
    options         lines of the host's configuration file, as a mapping
    sidecar_args    more arguments for server.py
    sidecar         False: everything but the sidecar; nginx dispatches to the port where one may be started
    say             called with the sentence that it is up, and how many seconds that took

    Raises SandboxError, with the end of the log of the server that did not start.
    """
    if host not in HOSTS:
        raise SandboxError(f'There is no host "{host}"; the hosts are {" and ".join(HOSTS)}.')
    begun = time.monotonic()
    folders = addons_folders(addons)
    installation, tools = build(host), build_tools()
    _refuse_closed(folders)
    folder = RunFolder.create()
    guard = Guard(folder)
    failed = True
    try:
        stack = Stack(installation, tools, folder, folders, dict(options or {}), list(sidecar_args))
        database = Templates(installation, tools, folder, folders).copy(['web_longpolling', *install])
        try:
            stack.bring_up(database, sidecar)
            say(f'{host} is up after {time.monotonic() - begun:.1f} s')
            yield stack
        finally:
            with _uninterrupted():
                stack.take_down()
        failed = stack.keep_logs
    except (KeyboardInterrupt, SystemExit):
        failed = False
        raise
    except SandboxError as problem:
        with _uninterrupted():
            logs = folder.keep_logs()
        if logs:
            problem.args = (f'{problem}\n  The logs of this run are kept in {logs}.',)
        raise
    finally:
        with _uninterrupted():
            # Nothing is alive by now, unless a signal came between a start and its bookkeeping.
            end_all(folder.pidfile.processes())
            if failed and (logs := folder.keep_logs()):
                say(f'the logs of this run are kept in {logs}')
            folder.remove()
            guard.close()


def _refuse_closed(folders):
    """SandboxError if the servers, when they run as another user, can't read an addons folder."""
    if os.geteuid() != 0 or privilege.lent_capabilities():
        return
    for folder in folders:
        if not privilege.enterable(folder):
            raise SandboxError(f'Other users cannot enter {folder}, and the servers run as another user than root: '
                               f'"chmod a+rx {folder}", or put your addons into a folder that everyone can enter.')


@contextlib.contextmanager
def _uninterrupted():
    """Holds back Ctrl-C and the like while servers are taken down; it works after that."""
    held = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
