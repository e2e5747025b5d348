"""Installing the hosts and the tools: ``build(host)`` and ``build_tools()`` are its face.

    build(host)
      lock.py                           one builder at a time; the others wait and say so
        odoo.py, openerp.py, tools.py   a recipe: its steps, and what they leave behind
          steps.py                      each step is done once, and stamped when it is complete
            debian.py                   packages of a Debian suite, verified by apt, in a private root
            environment.py              virtual environments, and pip with pinned hashes
            bullseye.py                 both, for a host that needs an older Python than the machine's

An interrupted build goes on with the step that has no stamp; a changed pin repeats the steps that need it.
"""
from ..paths import TOOLS
from ..errors import SandboxError
from . import environment, nchan, odoo, odoo14, openerp
from . import tools as recipe_of_tools
from .command import describe, room
from .lock import building
from .model import DEFAULT_HOST, HOSTS, Installation, Tools
from .steps import carry_out, complete

__all__ = ['DEFAULT_HOST', 'HOSTS', 'Installation', 'Tools', 'build', 'build_nchan', 'build_odoo14', 'build_tools']

RECIPES = {'openerp-7.0': openerp, 'odoo-19.0': odoo}


def build(host, source=None):
    """Install `host`, one of HOSTS, unless it is there already; its Installation. Raises SandboxError.

    source: the folder of the user's own source of Odoo 19.0, to be used from now on instead of Debian's package.
    """
    if host not in RECIPES:
        raise SandboxError(f'There is no host {host}: choose one of {", ".join(HOSTS)}.')
    if source is not None:
        if host != odoo.HOST:
            raise SandboxError(f'{host} is always installed from packages: give a source to {odoo.HOST} only.')
        odoo.take(source)
    recipe = RECIPES[host]
    install(recipe.FOLDER, recipe)
    return recipe.installation()


def build_tools():
    """Install PostgreSQL, nginx and the test tools unless they are there already; raises SandboxError."""
    install(TOOLS, recipe_of_tools)
    return recipe_of_tools.tools()


def build_nchan():
    """Install nginx with nchan, for the benchmarks, unless it is there already; raises SandboxError."""
    install(nchan.FOLDER, nchan)
    return nchan.installation()


def build_odoo14():
    """Install Odoo 14.0, for the benchmarks, unless it is there already; its Installation. Raises SandboxError."""
    install(odoo14.FOLDER, odoo14)
    return odoo14.installation()


def install(folder, recipe):
    """Do what is left of `recipe` in `folder`."""
    if ready(folder, recipe):
        return
    try:
        with building():
            if not environment.bootstrapped():
                environment.bootstrap()
            if not ready(folder, recipe):
                room(recipe.GIGABYTES)
                carry_out(folder, recipe.steps())
    except OSError as error:
        raise SandboxError(describe(error)) from error


def ready(folder, recipe):
    """Whether nothing is left to do."""
    return environment.bootstrapped() and complete(folder, recipe.steps())
