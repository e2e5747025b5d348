# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""The command ``oe``: the host's own server command, with this addon on its path.

``oe -d mydb -i web_longpolling`` creates the database if need be and installs the addon, on every
host. All arguments are the host's own; ``oe --help`` shows its help.
"""
import sys

if __package__:
    from . import requirements
else:
    import requirements

_problem = requirements.problem(requirements.HOST)
if _problem is not None:
    sys.exit("oe: " + _problem)

if __package__:
    from .host import boot, command
else:
    from host import boot, command
    del sys.path[0]     # this folder, first on the path because this is a script


def main():
    try:
        sys.exit(command.run(sys.argv[1:]))
    except boot.BootError as error:
        sys.exit("oe: %s" % error)


if __name__ == '__main__':
    main()
