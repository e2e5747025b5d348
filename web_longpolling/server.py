# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The sidecar: ``python web_longpolling/server.py -d mydb``.

One gevent process beside the OpenERP or Odoo server. It answers the polls that
nginx or Apache sends to it. Run it with the Python of your server.
"""
import sys

if __package__:
    from . import requirements
else:
    import requirements

_problem = requirements.problem(requirements.SIDECAR[:1])
if _problem is None:
    import gevent.monkey

    gevent.monkey.patch_all()       # before all else: what is imported first stays blocking
    _problem = requirements.problem(requirements.SIDECAR[1:])
else:
    _problem = requirements.problem(requirements.SIDECAR)       # all of what is missing
if _problem is not None:
    sys.exit("server.py: " + _problem)

import argparse     # noqa: E402
import importlib    # noqa: E402

import psycogreen.gevent    # noqa: E402

psycogreen.gevent.patch_psycopg()

if __package__:
    from .host import boot
else:
    from host import boot
    # This folder is first on sys.path because this is a script. From here on the addon is
    # imported as openerp.addons.web_longpolling alone.
    del sys.path[0]

# The host's own options for PostgreSQL and its files, by the key of the configuration file.
HOSTS_OWN = ('db_host', 'db_port', 'db_user', 'db_password', 'db_sslmode', 'data_dir', 'dbfilter')
LEVELS = ('debug', 'info', 'warning', 'error', 'critical')


def number(kind, lowest, highest, meaning):
    """An argparse type: a number of `kind` (int or float) from `lowest` to `highest`."""
    def parse(value):
        try:
            parsed = kind(value)
        except ValueError:
            parsed = None
        if parsed is None or not lowest <= parsed <= highest:
            raise argparse.ArgumentTypeError("invalid %s value: %r" % (meaning, value))
        return parsed
    return parse


positive = number(int, 1, sys.maxsize, 'number above zero')
port = number(int, 0, 65535, 'port number')
seconds = number(float, 0, 3600, 'number of seconds from 0 to 3600')


def names(value):
    """An argparse type: names with commas between, as a list."""
    return [name.strip() for name in value.split(',') if name.strip()]


def options(arguments):
    parser = argparse.ArgumentParser(
        prog='server.py', description="Hold the long polls of OpenERP or Odoo pages and answer each as soon as "
                                      "its controller has an answer.")
    parser.add_argument('-c', '--config', metavar='FILE',
                        help="the configuration file of your server (default: where the server itself looks); "
                             "it holds the longpolling_ settings too")
    parser.add_argument('-d', '--database', metavar='DB[,DB...]', action='append', default=[],
                        help="names of the databases to serve (default: db_name of the configuration file; without "
                             "that each that your server serves, as soon as it is polled)")
    parser.add_argument('--db_host', metavar='HOST', help="as your server's own: host of PostgreSQL, or the folder "
                                                          "of its Unix socket")
    parser.add_argument('--db_port', metavar='PORT', help="as your server's own: port of PostgreSQL")
    parser.add_argument('--db_user', metavar='USER', help="as your server's own: user of PostgreSQL")
    parser.add_argument('--db_password', metavar='PASSWORD', help="as your server's own: that user's password")
    parser.add_argument('--db_sslmode', metavar='MODE', help="as your server's own: libpq's sslmode")
    parser.add_argument('--data-dir', metavar='FOLDER', help="as your server's own, Odoo alone: where its sessions are")
    parser.add_argument('-i', '--interface', metavar='ADDRESS', default='127.0.0.1',
                        help="address to listen on, of IPv4 or IPv6, or a Unix socket, such as "
                             "unix:/run/longpolling.sock (default: %(default)s)")
    parser.add_argument('-p', '--port', type=port, default=8068,
                        help="TCP port to listen on (default: %(default)s)")
    parser.add_argument('--max-cursor', type=positive, default=8, metavar='N',
                        help="how many cursors of each database may be open at the same time; further reads "
                             "wait in a queue (default: %(default)s)")
    parser.add_argument('--max-databases', type=positive, default=100, metavar='N',
                        help="without -d and db_name: how many databases may be loaded at the same time; the one "
                             "that was polled longest ago makes room (default: %(default)s)")
    parser.add_argument('--max-connections', type=positive, metavar='N',
                        help="how many connections to PostgreSQL there may be for all databases together (default: "
                             "64 without -d and db_name, otherwise --max-cursor and one more for each database)")
    parser.add_argument('--load', metavar='MODULE[,MODULE...]', type=names,
                        help="server-wide modules, if you give your server --load too (default: as your server's "
                             "configuration says)")
    parser.add_argument('--db-filter', metavar='REGEXP', dest='dbfilter',
                        help="without -d and db_name: which databases may be polled, if you give your server "
                             "--db-filter too (default: dbfilter of the configuration file, on Odoo)")
    parser.add_argument('--reuse-port', action='store_true',
                        help="share the port with other sidecars on this machine, one for each processor core; "
                             "the kernel spreads the connections (SO_REUSEPORT)")
    parser.add_argument('--reload', action='store_true',
                        help="start anew when a file of an addon changes; for development alone")
    parser.add_argument('--grace', type=seconds, default=10, metavar='SECONDS',
                        help="how long a stop by SIGTERM may take: held polls are sent elsewhere, running "
                             "reads are finished (default: %(default)s)")
    parser.add_argument('--logfile', metavar='FILE',
                        help="file to log to (default: the console; never the server's own file)")
    parser.add_argument('--log-level', choices=LEVELS, help="what is logged at least; debug: a line for each request, "
                                                            "too (default: as your server's configuration says)")
    parser.add_argument('--check', action='store_true',
                        help="look whether all is as it must be, print a line for each thing that was looked at, and "
                             "end: with status 0 if all is well, 1 if not")
    parser.add_argument('--url', metavar='ADDRESS',
                        help="with --check: what browsers open, such as https://www.example.com; the way through the "
                             "dispatcher is looked at too, which takes longpolling_timeout and some seconds")
    parser.add_argument('--routes', action='store_true',
                        help="print which routes there are: their modules, paths, modes, whether they need a login, "
                             "and in which of the databases they answer")
    parser.add_argument('--version', action='store_true', help="print the versions of all that matters")
    chosen = parser.parse_args(arguments)
    if chosen.url is not None and not chosen.check:
        parser.error("--url goes with --check")
    chosen.databases = [name for value in chosen.database for name in names(value)]
    return chosen


def main(arguments=None):
    chosen = options(arguments)
    own = dict((key, getattr(chosen, key)) for key in HOSTS_OWN if getattr(chosen, key) is not None)
    if chosen.version:
        tell(boot.versions())
        return
    # What is printed is the answer, then, and not among lines of the log.
    level = 'CRITICAL' if chosen.check or chosen.routes else chosen.log_level and chosen.log_level.upper()
    try:
        package = boot.configure(chosen.config, chosen.logfile, chosen.load, own, level)
    except boot.BootError as error:
        if chosen.check:
            tell("to do  configuration: %s" % error)
            sys.exit(1)
        sys.exit("server.py: %s" % error)
    if chosen.check:
        checks = importlib.import_module(package + '.addons.web_longpolling.sidecar.checks')
        sys.exit(checks.check(chosen, tell))
    if chosen.routes:
        routes = importlib.import_module(package + '.addons.web_longpolling.sidecar.checks.routes')
        sys.exit(routes.tell(chosen, tell))
    service = importlib.import_module(package + '.addons.web_longpolling.sidecar.service')
    service.serve(chosen)


def tell(line):
    """Print a line, at once."""
    sys.stdout.write(line + '\n')
    sys.stdout.flush()


if __name__ == '__main__':
    main()
