"""The types of the scripts, checked by TypeScript's compiler from their JSDoc. `tsconfig.json` says how strictly.

The compiler is Debian's package, unpacked into a private folder, and runs on the Node of Playwright's package.
"""

import re
import subprocess
from pathlib import Path

from ..build.debian import Package, unpacked
from ..paths import ROOT as CHECKOUT

COMPILER = 'usr/share/nodejs/typescript/lib/tsc.js'
PACKAGES = (Package('node-typescript', 'bookworm'),)
# Its language server, its translations and its modules for other programs.
LEAVE_OUT = ('./usr/share/doc', './usr/share/man', *(f'./usr/share/nodejs/typescript/lib/{name}' for name in (
    'typescript*', 'tsserver*', 'typingsInstaller*', '??', '??-??')))

# What tsc finds and is no mistake.
ACCEPTED = (
    # `const core = (scope.name = scope.name || {})`, with which our scripts begin: a new empty object to tsc.
    r"error TS2339: .* does not exist on type '\{\}'",
    r"error TS2694: Namespace 'core' has no exported member",
    # `function(string)` in JSDoc: what it returns does not matter.
    r'error TS7014: ',
)


def build_typescript() -> Path:
    """Unpack Debian's TypeScript unless it is there already; returns its compiler. Raises SandboxError."""
    return unpacked('typescript', 'TypeScript (7 MB)', PACKAGES, LEAVE_OUT) / COMPILER


def check_types(node: Path) -> int:
    """Run the compiler and print what is wrong; returns the exit status."""
    compiler = build_typescript()
    done = subprocess.run([node, compiler, '--pretty', 'false', '-p', CHECKOUT], check=False, cwd=CHECKOUT,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    mistakes = wrong(done.stdout)
    if mistakes or done.returncode and not done.stdout:
        print(mistakes or f'tsc ended with status {done.returncode}.')
        return 1
    print('The types of the scripts fit.')
    return 0


def wrong(said: str) -> str:
    """What tsc said, without what is accepted; an indented line belongs to the one before it."""
    found = re.findall(r'^\S.*(?:\n[ \t]+.*)*', said, re.MULTILINE)
    return '\n'.join(one for one in found if not any(re.search(pattern, one) for pattern in ACCEPTED))
