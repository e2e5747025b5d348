# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Running a host's own server command; imported by ``oe.py`` like ``boot.py``, without the addon."""
import sys

from . import boot


def run(arguments):
    """Run the host's command with this addon on its path.

    :param arguments: the host's own arguments, as a list
    :returns: the exit status
    :raises boot.BootError: if there is no host, or it can't do what was asked
    """
    name = boot.package()
    boot.adapter_name(name)
    if name == 'openerp':
        return _run_openerp(arguments)
    return _run_odoo(arguments)


def _status(main):
    try:
        main()
    except SystemExit as end:
        return end.code
    return 0


def _run_openerp(arguments):
    import openerp
    import openerp.cli
    config = openerp.tools.config
    config.parse_config(arguments, False)       # False: look only; it fixes the addons path once
    folders = '--addons-path=' + ','.join(boot.addons_path(config['addons_path'].split(',')))
    arguments = list(arguments) + [folders]     # the last one counts
    config.parse_config(arguments)
    databases = [db.strip() for db in (config['db_name'] or '').split(',') if db.strip()]
    wanted = sorted(set(config['init']) | set(config['update'])) if len(databases) == 1 else []
    if wanted:
        openerp.cli.server.check_root_user()    # before anything is written, not after
        openerp.cli.server.check_postgres_user()
        openerp.netsvc.init_logger()
        _prepare_openerp(databases[0], wanted)
    sys.argv = ['openerp-server'] + arguments
    status = _status(openerp.cli.main)
    if not status and wanted and config['stop_after_init']:
        _check(openerp.sql_db, databases[0], wanted)
    return status


def _prepare_openerp(db, wanted):
    """What OpenERP 7.0 leaves to the administrator: the database, and the list of modules."""
    import openerp
    from openerp.modules.registry import RegistryManager
    cr = openerp.sql_db.db_connect('postgres').cursor()
    try:
        cr.autocommit(True)     # CREATE DATABASE can't run in a transaction
        cr.execute("SELECT 1 FROM pg_database WHERE datname = %s", (db,))
        if not cr.fetchone():
            cr.execute('CREATE DATABASE "%s" ENCODING \'unicode\' TEMPLATE "%s"' % (
                db.replace('"', '""'), _template(openerp.tools.config)))
            return              # its first start makes the list of modules itself
    finally:
        cr.close()
    cr = openerp.sql_db.db_connect(db).cursor()
    try:
        cr.execute("SELECT 1 FROM pg_class WHERE relname = 'ir_module_module'")
        if not cr.fetchone():
            return              # empty as yet: the same
        cr.execute("SELECT name FROM ir_module_module")
        known = set(row[0] for row in cr.fetchall())
    finally:
        cr.close()
    if not set(wanted) <= known | set(['all']):
        registry = RegistryManager.get(db)
        with registry.cursor() as cr:
            registry.get('ir.module.module').update_list(cr, openerp.SUPERUSER_ID)
        RegistryManager.delete(db)      # the server must load it anew, or it would not install anything


def _template(config):
    return (config["db_template"] or 'template1').replace('"', '""')


def _run_odoo(arguments):
    import odoo.init        # noqa: F401
    import odoo.cli
    from odoo.tools import config
    if arguments and not arguments[0].startswith('-'):
        sys.argv = ['odoo', '--addons-path=' + boot.ADDONS] + list(arguments)    # a sub-command of Odoo's
        return _status(odoo.cli.main)
    with boot.silence():    # what it has to say comes again from the server itself
        config.parse_config(list(arguments), setup_logging=False)
    folders = boot.addons_path(config['addons_path'])
    sys.argv = ['odoo', 'server'] + list(arguments) + ['--addons-path=' + ','.join(folders)]
    databases, wanted = list(config['db_name']), sorted(set(config['init']) | set(config['update']))
    status = _status(odoo.cli.main)
    if not status and wanted and config['stop_after_init'] and len(databases) == 1:
        _check(odoo.sql_db, databases[0], wanted)
    return status


def _check(sql_db, db, wanted):
    """The hosts end with status 0 even if nothing was installed; the administrator must see that.

    :param sql_db: the host's module of that name
    """
    cr = sql_db.db_connect(db).cursor()
    try:
        cr.execute("SELECT name FROM ir_module_module WHERE state = 'installed'")
        missing = set(wanted) - set(row[0] for row in cr.fetchall()) - set(['all'])
    finally:
        cr.close()
    if missing:
        raise boot.BootError("Not installed in %s: %s; the log above says why." % (db, ', '.join(sorted(missing))))
