"""What a build hands to its caller."""
from dataclasses import dataclass
from pathlib import Path

HOSTS = ('openerp-7.0', 'odoo-19.0')
DEFAULT_HOST = 'odoo-19.0'


@dataclass(frozen=True)
class Installation:
    """An installed host."""

    host: str
    python: Path                   # imports the host, gevent and psycopg2 with no variable set
    server: tuple[str, ...]        # the command of the host's own server, without arguments
    environment: dict[str, str]    # what the command needs beside the caller's environment
    addons: tuple[Path, ...]       # the host's own addons directories
    fingerprint: str               # changes when a pin changes


@dataclass(frozen=True)
class Tools:
    """What every run and the tests need beside a host."""

    postgres_bin: Path             # the folder of initdb, pg_ctl and postgres
    nginx: Path
    python: Path                   # with pytest, requests, psycopg2, ruff and Playwright's Python package
