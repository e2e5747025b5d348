"""The one exception that the sandbox shows to its user."""


class SandboxError(Exception):
    """What went wrong and what to do about it, in one sentence; the command line prints it and exits 2."""
