"""What a run of `bench` has found, as a table in Markdown and as pictures: `python3 -m benchmarks.report RESULT.json`.

Beside the result appear RESULT.md and RESULT-….svg.
"""

import json
import sys
from pathlib import Path

from . import plots
from .figures import REFERENCES, Key, Summary, summed_up, written
from .targets import verdicts

LEGEND = ('A figure is the median of all rounds, with the least and the most of them in brackets. "x" is the median of '
          'the ratios in each round to what stands beside it.')
TITLES = {
    'held': 'Held clients, from their arrival to their end',
    'bus': 'A notification to each user; clients that come at once',
    'discuss': "Odoo's bus through web_longpolling_bus, and through its WebSocket server",
    'latency': 'From a commit to the answer',
    'herd': 'Users who are woken together and each read',
    'throughput': 'Answers a second of a controller that reads one record',
    'writers': 'What publishing costs the writers',
}


def read(path: Path) -> dict:
    """A result: `about` the machine and the versions, and the rounds."""
    try:
        result = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise SystemExit(f'{path} can\'t be read: {error}') from None
    if not {'about', 'rounds'} <= result.keys():
        raise SystemExit(f'{path} is no result of "python3 -m sandbox bench".')
    return result


def markdown(result: dict, summaries: dict[Key, Summary]) -> str:
    """The table: a section for each host and program."""
    about = result['about']
    lines = [f'# Measured on {about["date"]}', '', *(f'- {name}: {value}' for name, value in about.items()), '',
             LEGEND, '']
    failed = [one for one in result['rounds'] if one['failure']]
    if failed:
        lines += ['## Failed', '', *(f'- {one["host"]}, {one["program"]}, round {one["round"] + 1}: {one["failure"]}'
                                     for one in failed), '']
    for host, program in dict.fromkeys((key.host, key.program) for key in summaries):
        lines += [f'## {TITLES[program]}, {host}', '',
                  f'| | clients | of | median (least - most) | x {REFERENCES[program]} | target |',
                  '| --- | ---: | --- | ---: | ---: | --- |']
        chosen = [key for key in summaries if (key.host, key.program) == (host, program)]
        for key in sorted(chosen, key=lambda key: (order(key.what, chosen), key.size)):
            lines.append(row(key, summaries))
        lines.append('')
    return '\n'.join(lines)


def order(what: str, keys: list[Key]) -> int:
    return [key.what for key in keys].index(what)


def row(key: Key, summaries: dict[Key, Summary]) -> str:
    one = summaries[key]
    targets = '; '.join(f'{"met" if verdict.met else "NOT MET"}: {verdict.limit}'
                        for verdict in verdicts(key, summaries))
    spread = f' ({written(one.least, one.unit)} - {written(one.most, one.unit)})' if one.least != one.most else ''
    ratio = f'{one.ratio:.2f}' if one.ratio is not None else ''
    return f'| {key.what} | {key.size:,} | {key.of} | {written(one.median, one.unit)}{spread} | {ratio} | {targets} |'


def write(path: Path):
    """The table and the pictures of the result in this file, beside it."""
    result = read(path)
    summaries = summed_up(result['rounds'])
    path.with_suffix('.md').write_text(markdown(result, summaries))
    plots.draw(summaries, path)


if __name__ == '__main__':
    write(Path(sys.argv[1]))
