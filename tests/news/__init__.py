"""News at commit: notifications, the feed, and the polls that are held until something comes.

Real hosts and a real PostgreSQL; the writers use `web_longpolling.publishing` as model code does, on cursors of
their own or inside the host.
"""
