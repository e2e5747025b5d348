"""The code blocks of a page of the documentation, so that tests run what a reader copies."""

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

from sandbox.paths import ROOT

BLOCK = re.compile(r'^( *)\.\. code-block:: (\S+)\n((?:\1 +:.*\n)*)\n((?:(?:\1 {3,}.*)?\n)+)', re.MULTILINE)
CAPTION = re.compile(r':caption: (.+)')


class Block(NamedTuple):
    """One code block: its language, its caption ('' without one), and its text."""

    language: str
    caption: str
    text: str


def blocks(page: str) -> list[Block]:
    """The code blocks of a page below doc/, such as 'howto/counter.rst', in their order."""
    found = []
    for match in BLOCK.finditer((ROOT / 'doc' / page).read_text(encoding='utf-8') + '\n'):
        caption = CAPTION.search(match[3])
        found.append(Block(match[2], caption[1].strip() if caption else '',
                           textwrap.dedent(match[4]).strip('\n') + '\n'))
    return found


def write(folder: Path, name: str, text: str):
    """Write a file of an addon below `folder`, as anybody may read it: the sandbox's servers may run as "nobody"."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding='utf-8')
    for each in (folder, *folder.rglob('*')):
        each.chmod(0o755)
