"""Installing the hosts and the tools: ``build(host)`` and ``build_tools()`` are all that the rest of the sandbox uses.

    build(host)
      locked                              one builder at a time; the others wait and say so
        recipe of the host (openerp.py, odoo.py): a list of steps, each done once and stamped when done (steps.py)
          debian.py                       packages of a Debian suite, verified by apt, unpacked into a private root
          environment.py                  virtual environments, and pip with pinned hashes
"""
from .model import DEFAULT_HOST, HOSTS, Installation, Tools

__all__ = ['DEFAULT_HOST', 'HOSTS', 'Installation', 'Tools', 'build', 'build_tools']


def build(host):
    """Install `host` (one of HOSTS) unless it is there already; returns its Installation."""
    raise NotImplementedError(host)


def build_tools():
    """Install PostgreSQL, nginx and the test tools unless they are there already; returns Tools."""
    raise NotImplementedError
