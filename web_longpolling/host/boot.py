# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Starting a host inside another program: ``server.py`` and ``oe.py``.

The addon can only be imported as ``openerp.addons.web_longpolling`` (or ``odoo.addons...``), and
that only after the host has read its configuration. So this module is imported first, from the
script's own folder, and imports nothing of the addon.
"""
import ast
import contextlib
import importlib
import logging
import os
import sys

if sys.version_info[0] > 2:
    import configparser
else:
    import ConfigParser as configparser

ADAPTERS = {7: 'openerp7', 19: 'odoo19'}

ADDONS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# By which the hosts find their configuration file, if no other one is named.
_WHERE = {'openerp': ('OPENERP_SERVER', '~/.openerp_serverrc'), 'odoo': ('ODOO_RC', '~/.odoorc')}

# What the official container of Odoo is given, and the keys that its entrypoint makes of it.
_CONTAINER = (('db_host', 'HOST'), ('db_port', 'PORT'), ('db_user', 'USER'), ('db_password', 'PASSWORD'))


class BootError(Exception):
    """The host can't be started; the text says what to do."""


def package():
    """The name of the host's Python package: 'odoo' or 'openerp'.

    :raises BootError: if this interpreter has neither
    """
    for name in ('odoo', 'openerp'):
        try:
            importlib.import_module(name + '.release')
        except ImportError:
            continue
        return name
    raise BootError("This Python has neither Odoo nor OpenERP: run the command with the Python of your server.")


def version(name):
    """The host's version as a tuple of numbers, such as (7, 0)."""
    return importlib.import_module(name + '.release').version_info[:2]


def versions():
    """A line with the versions of this addon, of Python, of what the sidecar needs, and of the host if there is one."""
    with open(os.path.join(ADDONS, 'web_longpolling', '__manifest__.py'), 'rb') as manifest:
        own = ast.literal_eval(ast.parse(manifest.read(), mode='eval').body)['version']
    told = ['web_longpolling ' + own, 'Python ' + sys.version.split()[0]]
    for module in ('gevent', 'psycopg2', 'werkzeug'):
        told.append('%s %s' % (module, _version_of(module)))
    try:
        name = package()
        told.append('%s %s' % (name, '.'.join(str(number) for number in version(name))))
    except BootError:
        told.append('no host')
    return ', '.join(told)


def _version_of(module):
    found = getattr(importlib.import_module(module), '__version__', None)
    if found is None:       # werkzeug 3.1
        from importlib.metadata import version as version_of
        found = version_of(module)
    return str(found).split()[0]


def adapter_name(name):
    """The module in this folder that knows the host.

    :raises BootError: if none does
    """
    major = version(name)[0]
    try:
        return ADAPTERS[major]
    except KeyError:
        raise BootError("web_longpolling knows the versions %s of OpenERP and Odoo, not %s." % (
            ', '.join('%s.0' % known for known in sorted(ADAPTERS)), major))


def configure(config_file, logfile=None, modules=None, settings=None, level=None):
    """Let the host read its configuration, with this addon on its path, and open the log.

    :param config_file: path of the host's configuration file, or None for where the host looks
    :param logfile: path of the file to log to, or None for the console
    :param modules: list of names of server-wide modules, as the server's own --load; None for those of the file
    :param settings: dict of what the host's own options say, by key of the configuration file, such as db_host
    :param level: name of a level of ``logging``, under which nothing is logged, DEBUG of this addon alone; None for
        what the file says
    :returns: the name of the host's package, under which the addon can now be imported
    :raises BootError: if there is no host, the file can't be read, or the log can't be written
    """
    if logfile:
        _check_writable(logfile)
    if config_file and not os.access(config_file, os.R_OK):
        raise BootError("The configuration file %s does not exist or may not be read." % config_file)
    name = package()
    adapter_name(name)
    variable, default = _WHERE[name]
    in_file = _keys(config_file or os.environ.get(variable) or os.path.expanduser(default))
    arguments = ['--config=' + config_file] if config_file else []
    if modules:
        arguments.append('--load=' + ','.join(modules))
    arguments += _own_options(name, settings or {}, in_file)
    try:
        if name == 'openerp':
            _configure_openerp(arguments, logfile, level)
        else:
            _configure_odoo(arguments, logfile, level)
    except ImportError as error:
        raise BootError("%s can't be imported by %s: %s. Run the command with the Python of your server." % (
            name, sys.executable, ' '.join(str(error).split())))
    except configparser.Error as error:
        raise BootError("The configuration file can't be read: %s." % ' '.join(str(error).split()).rstrip('.'))
    return name


def _keys(config_file):
    """The names of what the file says in the section that the hosts read.

    :raises BootError: if it is no such file: the hosts would end with a traceback, or ignore all of it
    """
    parser = configparser.RawConfigParser()
    try:
        parser.read([config_file])
    except configparser.MissingSectionHeaderError as error:
        raise BootError("The configuration file %s has no line [options] before line %d: write it at the top." % (
            config_file, error.lineno))
    except configparser.Error as error:
        raise BootError("The configuration file %s can't be read: %s." % (
            config_file, ' '.join(str(error).split()).rstrip('.')))
    except UnicodeError:
        raise BootError("The configuration file %s is not written in UTF-8." % config_file)
    if parser.has_section('options'):
        return set(parser.options('options'))
    if parser.sections():
        raise BootError("The configuration file %s has no section [options], but [%s]: nothing of it is read." % (
            config_file, '], ['.join(parser.sections())))
    return set()


# The names of the hosts' options, where they are not those of the keys.
_OPTIONS = {'data_dir': 'data-dir', 'dbfilter': 'db-filter'}


def _own_options(name, settings, in_file):
    """The host's own arguments for `settings`, and for what a container's environment says.

    :param in_file: the names of the keys in the configuration file, which go before the environment
    """
    settings = dict(_of_container(in_file), **settings)
    if name == 'openerp':
        if settings.get('data_dir'):
            raise BootError("OpenERP 7.0 has no --data-dir: its sessions lie in oe-sessions-USER, below TMPDIR.")
        sslmode = settings.pop('db_sslmode', None)
        if sslmode:
            os.environ['PGSSLMODE'] = sslmode       # 7.0 leaves that to libpq
        # It takes the name of the system's user, and libpq's own default would never count.
        if 'db_user' not in in_file and os.environ.get('PGUSER'):
            settings.setdefault('db_user', os.environ['PGUSER'])
    return ['--%s=%s' % (_OPTIONS.get(key, key), value) for key, value in sorted(settings.items())]


def _of_container(in_file):
    """What the environment says as the official container's entrypoint understands it.

    HOST and USER alone mean nothing: many shells have them.
    """
    environment = dict(os.environ)
    if environment.get('PASSWORD_FILE'):
        try:
            with open(environment['PASSWORD_FILE']) as secret:
                environment['PASSWORD'] = secret.readline().rstrip('\r\n')
        except EnvironmentError as error:
            raise BootError("PASSWORD_FILE %s can't be read: %s." % (environment['PASSWORD_FILE'], error.strerror))
    if not (environment.get('HOST') and environment.get('PASSWORD')):
        return {}
    return dict((key, environment[variable]) for key, variable in _CONTAINER
                if environment.get(variable) and key not in in_file)


def _check_writable(logfile):
    # The hosts would say so and go on without it.
    folder = os.path.dirname(logfile)
    try:
        if folder and not os.path.isdir(folder):
            os.makedirs(folder)
        open(logfile, 'a').close()
    except EnvironmentError as error:
        raise BootError("The log file %s can't be written: %s." % (logfile, error.strerror))


def addons_path(configured):
    """The folders of the host's addons path with this addon's own folder among them, as a list."""
    folders = [folder.strip() for folder in configured if folder.strip()]
    if not any(os.path.isdir(os.path.join(folder, 'web_longpolling')) for folder in folders):
        folders.append(ADDONS)
    return folders


def _set_level(level):
    if level == 'DEBUG':        # of this addon alone: the hosts would write each query, and more
        for name in ('openerp', 'odoo'):
            logging.getLogger(name + '.addons.web_longpolling').setLevel(level)
    elif level is not None:
        for name in (None, 'openerp', 'odoo', 'werkzeug'):
            logging.getLogger(name).setLevel(level)


def _configure_openerp(arguments, logfile, level):
    import openerp
    config = openerp.tools.config
    config.parse_config(arguments, False)       # False: look only, do not fix the addons path yet
    folders = addons_path(config['addons_path'].split(','))
    config.parse_config(arguments + ['--addons-path=' + ','.join(folders)])
    # A file of its own: two processes that rotate the same one lose lines.
    config['logfile'] = logfile
    openerp.netsvc.init_logger()
    _set_level(level)


def _configure_odoo(arguments, logfile, level):
    import odoo.init        # noqa: F401  sets the time zone and imports in the order that Odoo needs
    import odoo
    from odoo.netsvc import init_logger
    from odoo.tools import config
    odoo.evented = True     # Odoo then counts this process among those with many light requests
    with silence():    # what it has to say comes again below, when there is a log
        config.parse_config(arguments, setup_logging=False)
    folders = addons_path(config['addons_path'])
    config['logfile'] = logfile or ''
    init_logger()
    _set_level(level)
    config.parse_config(arguments + ['--addons-path=' + ','.join(folders)], setup_logging=False)


@contextlib.contextmanager
def silence():
    """Drop what the host logs for the length of the block, before there is a log."""
    handler = logging.NullHandler()     # without any handler, Python prints warnings on stderr
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
