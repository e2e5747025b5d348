"""The page of the documentation that shows the latest result: what has a target, and the pictures."""

import json
from pathlib import Path

from .figures import summed_up, written
from .targets import verdicts

NONE = 'No result is in this checkout yet.'


def latest(results: Path) -> Path | None:
    """The newest complete result in the folder; its name is its date."""
    for path in sorted(results.glob('20*.json'), reverse=True):
        if path.is_file() and 'stopped' not in json.loads(path.read_text())['about']:
            return path
    return None


def page(results: Path) -> str:
    """reStructuredText: the machine, a table of the figures that have a target, and the pictures of the result."""
    path = latest(results)
    if path is None:
        return NONE
    result = json.loads(path.read_text())
    about, summaries = result['about'], summed_up(result['rounds'])
    said = (f'Measured on {about["date"]}, the median of {about["rounds"]} rounds, on {about["machine"]}; the load of '
            f'the machine was {about["load at the beginning"]} when it began.')
    lines = [said, '',
             '.. list-table::', '   :header-rows: 1', '   :widths: 16 34 10 16 24', '',
             *row('host', 'figure', 'clients', 'median', 'target')]
    for key in sorted(summaries, key=lambda key: (key.host, key.program, key.what, key.size)):
        for verdict in verdicts(key, summaries):
            lines += row(key.host, key.what, f'{key.size:,}',
                         written(summaries[key].median, summaries[key].unit),
                         f'{"met" if verdict.met else "**not met**"}: {verdict.limit}')
    for picture in sorted(path.parent.glob(f'{path.stem}-*.svg')):
        lines += ['', f'.. image:: ../benchmarks/results/{picture.name}', '   :width: 100%']
    return '\n'.join(lines)


def row(*cells: str) -> list[str]:
    return [f'   {"* " if number == 0 else "  "}- {cell}' for number, cell in enumerate(cells)]
