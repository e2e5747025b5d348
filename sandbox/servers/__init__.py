"""The servers of a run and their configuration: the host's file, PostgreSQL, sidecars, nginx, Apache, pgbouncer."""
