"""Pictures of a result: lines over the number of clients, bars where there are few."""

from pathlib import Path

import matplotlib

from .figures import Key, Summary

matplotlib.use('svg')
matplotlib.rcParams['svg.hashsalt'] = 'web_longpolling'     # the same picture gives the same file
from matplotlib import pyplot  # noqa: E402

COLOURS = {'sidecar': '#1f5fa8', 'sidecar through nginx': '#7fb0e6', 'floor': '#777777', 'nchan': '#2e8b57',
           "Odoo's bus": '#c0504d', "Odoo 14.0's bus": '#e0a040', 'host': '#c0504d', 'bare LISTEN': '#bbbbbb',
           'plain': '#777777', 'row': '#bbbbbb', 'publish': '#1f5fa8', 'notify': '#c0504d',
           'sidecar, none reads': '#7fb0e6', 'web_longpolling_bus': '#1f5fa8'}
MARKERS = {'sidecar': 'o', 'sidecar through nginx': 's', 'floor': 'D', 'nchan': '^', "Odoo's bus": 'v',
           "Odoo 14.0's bus": '<', 'web_longpolling_bus': 'o'}
SCALES = {'B': (1 / 1024, 'KiB'), 's': (1, 'seconds'), 'ms': (1, 'milliseconds'), '%': (1, '%'), '/s': (1, 'a second')}

# The panels of a picture: program, figure, title, whether the axis is logarithmic.
PICTURES = {
    'held': [('held', 'one event, last', 'One event: the last client has it after', True),
             ('held', 'one event, median', 'One event: the median client', True),
             ('held', 'resident each', 'Resident memory of a held client', True),
             ('held', 'arriving at once', 'All come at once: the last is held after', True)],
    'latency': [
        ('latency', 'commit to answer, one of them concerned, median', 'Commit to answer, one of so many', False),
        ('latency', 'commit to answer, all of them concerned, median', 'Commit to answer, all of them', True)],
    'bus': [('bus', 'one to each user, last', 'One notification to each user: the last', True),
            ('bus', 'a storm of new clients, taken', 'Clients at once: taken', False)],
    'discuss': [('discuss', 'one to each user, last', 'One notification to each user: the last', True),
                ('discuss', 'commit to arrival, median', 'One notification to one of them: the median', False),
                ('discuss', 'resident each', 'Resident memory of a client', True),
                ('discuss', 'a storm of new clients, taken', 'Clients at once: taken', False)],
    'herd': [('herd', 'woken and read, last', 'Woken together, and each reads: the last', False)],
    'writers': [('writers', 'commits', 'Commits a second', False),
                ('writers', 'commits, a flush of 5 ms more', 'The same, 5 ms a flush', False)],
}


def draw(summaries: dict[Key, Summary], result: Path):
    """One picture for each host and program, beside the result."""
    for host, program in dict.fromkeys((key.host, key.program) for key in summaries):
        panels = [panel for panel in PICTURES.get(program, ()) if of_panel(summaries, host, panel)]
        if not panels:
            continue
        columns = min(2, len(panels))
        lines = (len(panels) + 1) // 2
        figure, axes = pyplot.subplots(lines, columns, figsize=(5.6 * columns, 4.1 * lines), squeeze=False,
                                       layout='constrained')
        for axis, panel in zip(axes.flat, panels, strict=False):
            draw_panel(axis, panel, of_panel(summaries, host, panel))
        for axis in axes.flat[len(panels):]:
            axis.axis('off')
        figure.suptitle(host)
        figure.savefig(result.with_name(f'{result.stem}-{program}-{host.replace(" ", "-")}.svg'),
                       metadata={'Date': None})
        pyplot.close(figure)


def of_panel(summaries: dict[Key, Summary], host: str, panel) -> dict[str, list[tuple[int, Summary]]]:
    """(size, Summary) in order, by what was measured."""
    program, what, _, _ = panel
    found: dict[str, list[tuple[int, Summary]]] = {}
    for key in sorted(summaries, key=lambda key: key.size):
        if (key.host, key.program, key.what) == (host, program, what) and 'beside the floor' not in key.of:
            found.setdefault(key.of, []).append((key.size, summaries[key]))
    return found


def draw_panel(axis, panel, series):
    program, _, title, logarithmic = panel
    units = 'writers' if program == 'writers' else 'clients'
    factor, label = SCALES.get(next(iter(series.values()))[0][1].unit, (1, ''))
    if max(len(points) for points in series.values()) > 1:
        for of, points in series.items():
            sizes = [size for size, _ in points]
            axis.errorbar(sizes, [one.median * factor for _, one in points],
                          yerr=[[(one.median - one.least) * factor for _, one in points],
                                [(one.most - one.median) * factor for _, one in points]],
                          label=of, color=COLOURS.get(of), marker=MARKERS.get(of, 'o'), capsize=3, markersize=5)
        axis.set_xscale('log')
        sizes = sorted({size for points in series.values() for size, _ in points})
        axis.set_xticks(sizes, [f'{size:,}' for size in sizes])
        axis.minorticks_off()
        axis.set_xlabel(units)
        axis.legend(frameon=False, fontsize=8)
    else:
        medians = [points[0][1].median * factor for points in series.values()]
        bars = axis.bar(list(series), medians, color=[COLOURS.get(of) for of in series], width=0.6)
        axis.bar_label(bars, fmt='{:,.3g}', fontsize=8)
        axis.set_xlabel(f'{next(iter(series.values()))[0][0]:,} {units}')
        axis.tick_params(axis='x', labelsize=8)
    if logarithmic and min(one.least for points in series.values() for _, one in points) > 0:
        axis.set_yscale('log')
        lowest = min(one.least for points in series.values() for _, one in points) * factor
        highest = max(one.most for points in series.values() for _, one in points) * factor
        axis.yaxis.set_major_formatter('{x:g}')
        # Within one decade or two the powers of ten alone say too little.
        axis.yaxis.set_minor_formatter('{x:g}' if highest / lowest < 20 else '')
        axis.tick_params(axis='y', which='minor', labelsize=7)
    else:
        axis.set_ylim(bottom=0)
    axis.set_ylabel(label)
    axis.set_title(title, fontsize=10)
    axis.spines[['top', 'right']].set_visible(False)
    axis.grid(axis='y', alpha=0.25)
