"""Measures in a running stack: `python3 -m benchmarks.rounds FILE ROUNDS [--quick] PROGRAM …`.

`bench` calls it. A line of JSON for each program and round goes to the end of FILE, as soon as it is known.
"""

import argparse
import importlib
import json
import os
import sys
import time
import traceback


def main() -> int:
    """The exit status: 1 if a program failed; the others have been measured all the same."""
    parser = argparse.ArgumentParser()
    parser.add_argument('file')
    parser.add_argument('rounds', type=int)
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('programs', nargs='+')
    chosen = parser.parse_args()
    host = os.environ.get('SANDBOX_HOST', 'any host')
    status = 0
    for number in range(chosen.rounds):
        for program in chosen.programs:
            where = f'{host}: {program}, round {number + 1} of {chosen.rounds}'
            begun, found, failure = time.monotonic(), [], None
            say(where)
            try:
                for figure in importlib.import_module(f'benchmarks.{program}').figures(chosen.quick):
                    say(f'  {figure}')
                    found.append(figure)
            except (Exception, SystemExit) as error:
                failure = f'{type(error).__name__}: {error}'
                status = 1
                if not isinstance(error, SystemExit):
                    traceback.print_exc()
                say(f'{where} failed: {failure}')
            seconds = time.monotonic() - begun
            say(f'{where}: {seconds:.0f} s')
            with open(chosen.file, 'a') as file:
                json.dump({'host': host, 'program': program, 'round': number, 'seconds': seconds, 'failure': failure,
                           'figures': found}, file)
                file.write('\n')
    return status


def say(text: str):
    print(text, file=sys.stderr, flush=True)


if __name__ == '__main__':
    sys.exit(main())
