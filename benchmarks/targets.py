"""Where the figures must be: what is asked of the sidecar beside the floor, the host or Odoo's own bus."""

from typing import NamedTuple

from .figures import REFERENCES, Key, Summary, written


class Target(NamedTuple):
    """What one figure is held against.

    least_size: clients from which on it counts
    beside: of what it is a multiple, or more than; '' for a bare limit
    times, more: the limit is so many times that, and so much more
    at_least: whether it is the least that there must be, instead of the most
    """

    program: str
    what: str
    of: str
    sizes: tuple[int, ...]
    beside: str
    times: float
    more: float = 0
    at_least: bool = False
    host: str = ''              # the only one for which it is, or '' for all


SIZES = (1000, 5000, 15000)
TARGETS = (
    Target('held', 'resident each', 'sidecar', SIZES, 'floor', 1.15, host='odoo-19.0'),
    Target('held', 'resident each', 'sidecar', SIZES, 'floor', 1.3, host='openerp-7.0'),
    Target('held', 'one event, last', 'sidecar', (5000, 15000), 'floor', 2),
    Target('held', 'arriving at once', 'sidecar', (5000,), 'floor', 1.5),
    Target('held', 'idle, of a core', 'sidecar', SIZES, '', 0, 1),
    Target('held', 'connections to PostgreSQL', 'sidecar', SIZES, '', 0, 9),
    Target('held', 'hang-ups freed', 'sidecar', (5000,), '', 0, 1),
    Target('held', 'resident each', 'sidecar', (1000, 5000), "Odoo's bus", 0.1, host='odoo-19.0'),
    Target('bus', 'one to each user, last', 'sidecar', (1000,), "Odoo's bus", 0.2, host='odoo-19.0'),
    Target('discuss', 'one to each user, last', 'web_longpolling_bus', (1000,), "Odoo's bus", 0.2),
    Target('discuss', 'resident each', 'web_longpolling_bus', (1000, 5000), "Odoo's bus", 0.1),
    Target('discuss', 'idle, of a core', 'web_longpolling_bus', (1000, 5000), '', 0, 1),
    Target('discuss', 'connections to PostgreSQL', 'web_longpolling_bus', (1000, 5000), '', 0, 9),
    Target('latency', 'commit to answer, one of them concerned, median', 'sidecar', (1, 100, 1000), 'floor', 1, 1.5),
    Target('herd', 'woken and read, last', 'sidecar', (1000,), 'host', 2),
    Target('writers', 'commits', 'publish', (1, 8, 32), 'plain', 0.9, at_least=True),
    Target('writers', 'commits, a flush of 5 ms more', 'publish', (1, 8, 32), 'plain', 0.9, at_least=True),
)


class Verdict(NamedTuple):
    """What a target says of a figure: the limit as people read it, and whether it is met."""

    limit: str
    met: bool


def verdicts(key: Key, summaries: dict[Key, Summary]) -> list[Verdict]:
    """What the targets say of this figure."""
    found = []
    for target in TARGETS:
        if (target.program, target.what, target.of) != (key.program, key.what, key.of):
            continue
        if key.size not in target.sizes or target.host not in ('', key.host):
            continue
        beside = summaries.get(key._replace(of=target.beside))
        if target.beside and beside is None:
            continue
        limit = target.times * (beside.median if beside else 0) + target.more
        median, unit, ratio = summaries[key].median, summaries[key].unit, summaries[key].ratio
        if target.beside == REFERENCES.get(key.program) and not target.more and ratio is not None:
            # What was measured one after the other says more than medians of rounds that may be far apart.
            median, limit = ratio, target.times
        words = ' + '.join(filter(None, [
            f'{target.times:g} x {target.beside}' if target.beside else '',
            written(target.more, unit) if target.more or not target.beside else '']))
        met = median >= limit if target.at_least else median <= limit
        found.append(Verdict(f'{"at least" if target.at_least else "at most"} {words}', met))
    return found
