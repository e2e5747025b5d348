# -*- coding: utf-8 -*-
"""Starting a host inside another program: ``server.py`` and ``oe.py``.

The addon can only be imported as ``openerp.addons.web_longpolling`` (or ``odoo.addons...``), and
that only after the host has read its configuration. So this module is imported first, from the
script's own folder, and imports nothing of the addon.
"""
import contextlib
import importlib
import logging
import os

ADAPTERS = {7: 'openerp7', 19: 'odoo19'}

ADDONS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


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


def configure(config_file, logfile=None, modules=None):
    """Let the host read its configuration, with this addon on its path, and open the log.

    :param config_file: path of the host's configuration file, or None for where the host looks
    :param logfile: path of the file to log to, or None for the console
    :param modules: list of names of server-wide modules, as the server's own --load; None for those of the file
    :returns: the name of the host's package, under which the addon can now be imported
    :raises BootError: if there is no host, the file can't be read, or the log can't be written
    """
    if logfile:
        _check_writable(logfile)
    if config_file and not os.access(config_file, os.R_OK):
        raise BootError("The configuration file %s does not exist or may not be read." % config_file)
    name = package()
    adapter_name(name)
    arguments = ['--config=' + config_file] if config_file else []
    if modules:
        arguments.append('--load=' + ','.join(modules))
    if name == 'openerp':
        _configure_openerp(arguments, logfile)
    else:
        _configure_odoo(arguments, logfile)
    return name


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


def _configure_openerp(arguments, logfile):
    import openerp
    config = openerp.tools.config
    config.parse_config(arguments, False)       # False: look only, do not fix the addons path yet
    folders = addons_path(config['addons_path'].split(','))
    config.parse_config(arguments + ['--addons-path=' + ','.join(folders)])
    # A file of its own: two processes that rotate the same one lose lines.
    config['logfile'] = logfile
    openerp.netsvc.init_logger()


def _configure_odoo(arguments, logfile):
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
