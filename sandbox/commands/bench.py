"""`bench`: the measurements in `benchmarks/`, by the Python of the tools, which has psycopg2 and matplotlib."""

import os
import sys

from ..build import build_tools


def bench(arguments: list[str]) -> int:
    """Become `benchmarks.bench`, so that signals and the exit status are its own."""
    python = str(build_tools().python)
    sys.stdout.flush()
    os.execv(python, [python, '-m', 'benchmarks.bench', *arguments])     # noqa: S606
