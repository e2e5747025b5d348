# -*- coding: utf-8 -*-
"""The sidecar: ``python web_longpolling/server.py -d mydb``.

One gevent process beside the OpenERP or Odoo server. It answers the polls that
nginx or Apache sends to it. Run it with the Python of your server.
"""
import gevent.monkey

gevent.monkey.patch_all()       # before all else: what is imported first stays blocking

import argparse     # noqa: E402
import importlib    # noqa: E402
import sys          # noqa: E402

import psycogreen.gevent    # noqa: E402

psycogreen.gevent.patch_psycopg()

if __package__:
    from .host import boot
else:
    from host import boot
    # This folder is first on sys.path because this is a script. From here on the addon is
    # imported as openerp.addons.web_longpolling alone.
    del sys.path[0]


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
                        help="names of the databases to serve (default: db_name of the configuration file)")
    parser.add_argument('-i', '--interface', metavar='ADDRESS', default='127.0.0.1',
                        help="address to listen on (default: %(default)s)")
    parser.add_argument('-p', '--port', type=port, default=8068,
                        help="TCP port to listen on (default: %(default)s)")
    parser.add_argument('--max-cursor', type=positive, default=8, metavar='N',
                        help="how many cursors of each database may be open at the same time; further reads "
                             "wait in a queue (default: %(default)s)")
    parser.add_argument('--load', metavar='MODULE[,MODULE...]', type=names,
                        help="server-wide modules, if you give your server --load too (default: as your server's "
                             "configuration says)")
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
    chosen = parser.parse_args(arguments)
    chosen.databases = [name for value in chosen.database for name in names(value)]
    return chosen


def main(arguments=None):
    chosen = options(arguments)
    try:
        package = boot.configure(chosen.config, chosen.logfile, chosen.load)
    except boot.BootError as error:
        sys.exit("server.py: %s" % error)
    service = importlib.import_module(package + '.addons.web_longpolling.sidecar.service')
    service.serve(chosen)


if __name__ == '__main__':
    main()
