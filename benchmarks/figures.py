"""What was measured: named figures with units, those of all rounds summed up beside their reference."""

import statistics
from collections.abc import Iterable
from typing import NamedTuple

# The reference of a measurement: what the others of the same program, size and round are divided by.
REFERENCES = {
    'held': 'floor',
    'latency': 'floor',
    'bus': 'floor',
    'discuss': "Odoo's bus",
    'herd': 'host',
    'throughput': 'floor',
    'writers': 'plain',
}
# Of these units more is better.
RATES = ('/s', 'clients')


class Figure(NamedTuple):
    """One figure.

    of: what was measured: 'sidecar', or what stands beside it, such as 'floor'
    what: what of it, such as 'one event, last'
    size: how many clients or writers
    unit: 's', 'ms', 'B', '/s', 'clients', or '' for a mere number
    """

    of: str
    what: str
    size: int
    value: float
    unit: str

    def __str__(self):
        return f'{self.of}, {self.what}, {self.size:,}: {written(self.value, self.unit)}'


class Key(NamedTuple):
    """Which figure it is; the same in every round and every run."""

    host: str
    program: str
    what: str
    size: int
    of: str


class Summary(NamedTuple):
    """A figure of all rounds.

    least, most: of the rounds; what lies between them is the spread
    ratio: the median of the rounds' own ratios to the reference; None without one
    """

    median: float
    least: float
    most: float
    unit: str
    ratio: float | None


def summed_up(rounds: Iterable[dict]) -> dict[Key, Summary]:
    """What all rounds of a run give.

    :param rounds: dicts with `host`, `program` and `figures`, a list of Figures or of lists that make one
    """
    values: dict[Key, list[float]] = {}
    ratios: dict[Key, list[float]] = {}
    units = {}
    for one in rounds:
        figures = [Figure(*figure) for figure in one['figures']]
        reference = REFERENCES[one['program']]
        beside = {(figure.what, figure.size): figure.value for figure in figures if figure.of == reference}
        for figure in figures:
            key = Key(one['host'], one['program'], figure.what, figure.size, figure.of)
            values.setdefault(key, []).append(figure.value)
            units[key] = figure.unit
            if figure.of != reference and beside.get((figure.what, figure.size)):
                ratios.setdefault(key, []).append(figure.value / beside[figure.what, figure.size])
    return {key: Summary(statistics.median(found), min(found), max(found), units[key],
                         statistics.median(ratios[key]) if key in ratios else None)
            for key, found in values.items()}


def worse(old: dict[Key, Summary], new: dict[Key, Summary]) -> list[str]:
    """A sentence for each figure of ours that has become worse than the spread of both runs.

    A median counts as worse if it lies beyond all rounds of the old run, all rounds of the new run do too, and it
    differs by more than a twentieth.
    """
    found = []
    for key, now in new.items():
        before = old.get(key)
        if before is None or not key.of.startswith(('sidecar', 'publish', 'web_longpolling_bus')):
            continue
        more_is_better = now.unit in RATES
        beyond = now.most < before.least if more_is_better else now.least > before.most
        if beyond and abs(now.median - before.median) > abs(before.median) / 20:
            change = f'{now.median / before.median:.2f} x' if before.median else 'from nothing'
            found.append(f'{key.host}, {key.program}: {key.of}, {key.what}, {key.size:,}: '
                         f'{written(before.median, now.unit)} -> {written(now.median, now.unit)} ({change}; '
                         f'it was {written(before.least, now.unit)} to {written(before.most, now.unit)}, and is '
                         f'{written(now.least, now.unit)} to {written(now.most, now.unit)})')
    return found


def written(value: float, unit: str) -> str:
    """The value as people read it, with three digits that mean something."""
    if unit == 'B':
        return f'{value / 1024:.1f} KiB'
    digits = 0 if value == int(value) or abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f'{value:,.{digits}f}' + (unit if unit == '/s' else f' {unit}' if unit else '')
