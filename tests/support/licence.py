"""The two lines of the licence in each source file that is installed or copied. This program puts them where they are
missing: `.sandbox/tools/environment/bin/python -m tests.support.licence`.
"""

import re
from pathlib import Path

from sandbox.paths import ROOT

FOLDERS = ('web_longpolling', 'web_longpolling_bus', 'web_longpolling_live', 'examples')
FILES = ('setup.py', 'web_longpolling_commands.py')
# Without ends: the mark of a comment is another one in each language.
HEADER = ('SPDX-FileCopyrightText: web_longpolling contributors', 'SPDX-License-Identifier: AGPL-3.0-only')
COMMENTS = {
    '.py': ('# ', ''),
    '.js': ('// ', ''),
    '.css': ('/* ', ' */'),
    '.scss': ('// ', ''),
    '.xml': ('<!-- ', ' -->'),
}
# Lines that are nothing unless they are the first.
FIRST = re.compile(r'# -\*- coding|/\*\* @odoo-module|<\?xml|#!')


def sources() -> list[Path]:
    """All source files of the addons and of the example, and what installs them."""
    found = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob('*'))]
    return [path for path in (*found, *(ROOT / name for name in FILES)) if path.suffix in COMMENTS]


def header(path: Path) -> list[str]:
    """The two lines as they must be in this file."""
    begin, end = COMMENTS[path.suffix]
    return [begin + line + end for line in HEADER]


def place(lines: list[str]) -> int:
    """Where among these lines of the file they belong: 0, or 1 after a line that must be the first."""
    return 1 if lines and FIRST.match(lines[0]) else 0


def missing() -> list[Path]:
    """The files that do not have them."""
    found = []
    for path in sources():
        lines = path.read_text(encoding='utf-8').splitlines()
        at = place(lines)
        if lines[at:at + 2] != header(path):
            found.append(path)
    return found


def main():
    for path in missing():
        lines = path.read_text(encoding='utf-8').split('\n')
        at = place(lines)
        path.write_text('\n'.join([*lines[:at], *header(path), *lines[at:]]), encoding='utf-8')
        print(path.relative_to(ROOT))


if __name__ == '__main__':
    main()
