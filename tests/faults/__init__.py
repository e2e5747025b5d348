"""What goes wrong while the sidecar runs, and what the others notice of it.

Real hosts, a real PostgreSQL and nginx; a crowd of held polls, and of polls that come and go, is there meanwhile.
"""
