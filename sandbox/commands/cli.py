"""The command line of the sandbox: its commands, their options and their help."""

import argparse
import signal
import sys

from ..build import DEFAULT_HOST, HOSTS, build, build_tools
from ..errors import SandboxError
from ..progress import say
from ..running import running
from ..servers.hostconfig import parse_options
from .bench import bench
from .clean import clean
from .command import CommandNotFound, execute
from .demo import demo
from .release import release
from .testing import test

DESCRIPTION = """\
Real hosts for web_longpolling in a private folder: OpenERP 7.0 and Odoo 19.0 with PostgreSQL and nginx, from the
package registries that this machine is configured for. Everything stays in .sandbox/ of the checkout; nothing is
installed on the machine. It works as root (the servers then run as "nobody") and as an ordinary user.
"""

RUN = """\
Brings up PostgreSQL, a fresh database with web_longpolling and the modules of --install, the host, the sidecar and
nginx on free ports of 127.0.0.1; runs CMD; takes all of it down again, and exits with CMD's status.
Runs can go on side by side. What is missing is built first; the first run with a set of modules installs them, later
ones copy the result and are up in seconds.
"""

RUN_VARIABLES = """\
CMD gets these variables:
  SANDBOX_HOST         name of the host
  SANDBOX_URL          nginx, the way a browser goes
  SANDBOX_HOST_URL     the host itself
  SANDBOX_SIDECAR_URL  the sidecar itself
  SANDBOX_DB           name of the database
  SANDBOX_DSN          libpq connection string of its owner
  SANDBOX_CONFIG       the host's configuration file
  SANDBOX_PYTHON       the host's Python, ready to import it
  SANDBOX_SIDECAR_PID  process id of the sidecar (empty with --no-sidecar)
  SANDBOX_SIDECAR_CMD  a shell line that starts another sidecar on a free port (append "-p PORT" for another; with
                       --no-sidecar on the port to which nginx dispatches)
  SANDBOX_LOG_DIR      folder of host.log, sidecar.log, nginx.log, postgresql.log
  SANDBOX_LOGIN, SANDBOX_PASSWORD  the administrator

examples:
  python3 -m sandbox run -- sh -c 'curl -s $SANDBOX_URL/web/login | head'
  python3 -m sandbox run --host openerp-7.0 --addons ~/addons --install my_module -- ./try_it.py
  python3 -m sandbox run --option longpolling_timeout=5 --sidecar-arg=--max-cursor=2 -- bash

exit status: CMD's (128 + N if signal N ended it), 2 if the sandbox itself could not do its work.
"""

TEST = """\
Runs every check of the project, on every host, and prints how long each took: ruff, mypy, byte-compilation by
Python 2.7, TypeScript's compiler on the JSDoc of the scripts, the JavaScript unit tests in Node's own runner, Sphinx
on doc/ with warnings as errors, the unit tests with coverage, then all other tests, on all hosts side by side. Installs
what it needs. Nothing is skipped in silence: what can't run fails and says why.

With PYTEST ARGS, pytest runs once, with these arguments; the checks before it are the same. `test tests/unit` needs no
server.
"""

RELEASE = """\
Looks whether the checkout is ready to be released: all is committed, the version is the same everywhere and has no tag
yet, CHANGES.rst has its section with a date. Builds the source distribution of what is committed, from that a wheel of
each addon, checks their pages for PyPI, and installs the wheels in a new environment. Prints a line for each: "ok", or
what to do. If all is well, the files are in dist/, and it says how to tag and upload them; it does neither itself.
"""

RELEASE_STATUS = """\
exit status: 0 if all is well, 1 if something is to do, 2 if the sandbox itself could not do its work.
"""


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog='python3 -m sandbox', description=DESCRIPTION,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(dest='command', metavar='COMMAND', required=True)

    def add(name, run, summary, **more):
        more.setdefault('description', summary)
        command = commands.add_parser(name, help=summary, formatter_class=argparse.RawDescriptionHelpFormatter, **more)
        command.set_defaults(run=run)
        return command

    command = add('build', run_build, 'Install the hosts, PostgreSQL and nginx, or what is missing of them.')
    command.add_argument('--host', action='append', choices=HOSTS,
                         help='only this host; may be given several times (default: all)')

    command = add('run', run_run, 'Run a command while a host, its sidecar and nginx are up.', description=RUN,
                  epilog=RUN_VARIABLES, usage='%(prog)s [OPTIONS] -- CMD [ARGS...]')
    add_host(command)
    command.add_argument('--addons', metavar='DIR', action='append', default=[],
                         help='a folder with addons, or the folder of one addon; may be given several times')
    command.add_argument('--install', metavar='MOD[,MOD]', action='append', default=[],
                         help='modules to install beside web_longpolling')
    command.add_argument('--sidecar-arg', metavar='ARG', action='append', default=[],
                         help='one more argument for server.py; write --sidecar-arg=--max-cursor=2 for one that begins '
                              'with a dash; may be given several times')
    command.add_argument('--option', metavar='KEY=VALUE', action='append', default=[],
                         help="a line of the host's configuration file, such as longpolling_timeout=5; wins over what "
                              'the sandbox sets; may be given several times')
    command.add_argument('--no-sidecar', action='store_true', help='bring up everything but the sidecar')
    command.add_argument('words', metavar='CMD', nargs=argparse.REMAINDER, help=argparse.SUPPRESS)

    command = add('demo', run_demo, 'See a held request answered: two users and a wall of notes.')
    add_host(command)
    command.add_argument('--once', action='store_true',
                         help='hold one poll, post one note, print what arrived and after how many milliseconds, exit')

    command = add('test', run_test, 'Run every test on every host.', description=TEST,
                  usage='%(prog)s [PYTEST ARGS...]')
    command.add_argument('words', metavar='PYTEST ARGS', nargs=argparse.REMAINDER,
                         help='passed to pytest, for example -k login or --host odoo-19.0')

    command = add('bench', run_bench, 'Measure everything beside its floor and its peers.', add_help=False)
    command.add_argument('words', metavar='OPTIONS', nargs=argparse.REMAINDER, help='see bench --help')

    command = add('release', run_release, 'See whether all is ready for a release, and build its files.',
                  description=RELEASE, epilog=RELEASE_STATUS)
    command.add_argument('--check', action='store_true', help='the same, but throw the files away')

    add('clean', run_clean, 'End what a dead run left, if anything, and remove .sandbox/.')
    return top


def add_host(command):
    command.add_argument('--host', choices=HOSTS, default=DEFAULT_HOST, help='default: %(default)s')


def run_build(arguments) -> int:
    build_tools()
    for host in arguments.host or HOSTS:
        build(host)
        say(f'{host} is installed.')
    return 0


def run_run(arguments) -> int:
    words = arguments.words[1:] if arguments.words[:1] == ['--'] else arguments.words
    if not words:
        raise SandboxError('Give a command to run after "--", for example: python3 -m sandbox run -- env')
    with running(arguments.host, addons=arguments.addons, install=module_names(arguments.install),
                 options=parse_options(arguments.option), sidecar_args=arguments.sidecar_arg,
                 sidecar=not arguments.no_sidecar) as stack:
        status = execute(words, stack)
        # After Ctrl-C (130) nobody asks for the logs.
        stack.keep_logs = status not in (0, 130)
    return status


def module_names(values: list[str]) -> list[str]:
    names = [name.strip() for value in values for name in value.split(',') if name.strip()]
    for name in names:
        if not name.replace('_', '').isalnum():
            raise SandboxError(f'--install {name!r} is no name of a module.')
    return names


def run_demo(arguments) -> int:
    return demo(arguments.host, arguments.once)


def run_test(arguments) -> int:
    return test(arguments.words)


def run_bench(arguments) -> int:
    return bench(arguments.words)


def run_release(arguments) -> int:
    return release(keep=not arguments.check)


def run_clean(arguments) -> int:
    clean()
    return 0


def main(words: list[str]) -> int:
    """Run a command of the sandbox; returns the exit status."""
    # "test -k login" and the like: argparse would take pytest's options for its own.
    if words[:1] == ['test'] and words[1:2] not in (['-h'], ['--help']):
        arguments = argparse.Namespace(run=run_test, words=words[1:])
    elif words[:1] == ['bench']:
        arguments = argparse.Namespace(run=run_bench, words=words[1:])
    else:
        arguments = parser().parse_args(words)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    try:
        return arguments.run(arguments)
    except CommandNotFound as problem:
        say(f'sandbox: {problem}')
        return problem.status
    except SandboxError as problem:
        say(f'sandbox: {problem}')
        return 2
    except PermissionError as problem:
        say(f'sandbox: {problem.filename} may not be written or read ({problem.strerror}): run as the user who made '
            '.sandbox/, or let that user run "python3 -m sandbox clean" first.')
        return 2
    except KeyboardInterrupt:
        say('sandbox: stopped; everything is taken down.')
        return 130
