"""The processor time of each case on all deployments, as SVG."""

import collections.abc
import pathlib

from matplotlib import pyplot

from benchmarks.comparison import plots
from benchmarks.comparison.measuring import Measured

NAME = 'processor.svg'
#: Inches: the width of the figure, and the height of a bar and of its rim.
_WIDTH, _BAR, _RIM = 7, 0.14, 1.2


def draw(
    measured: collections.abc.Sequence[Measured], folder: pathlib.Path
) -> str:
    """Draw a group of bars for each case, the service's share of a bar
    before the database's; return the file's name.
    """
    names = list(measured[0].rounds)
    step = len(names) + 1
    height = _RIM + _BAR * step * len(measured)
    figure, axes = pyplot.subplots(figsize=(_WIDTH, height))
    for at, name in enumerate(names):
        places = [-(step * group + at) for group in range(len(measured))]
        total = [each.median(name, 'cpu') for each in measured]
        database = [each.median(name, 'database') for each in measured]
        bars = axes.barh(places, total, height=0.9, label=name)
        colour = bars.patches[0].get_facecolor()
        own = [all - its for all, its in zip(total, database, strict=True)]
        # Paler where it is the database's.
        for bar in bars.patches:
            bar.set_alpha(0.45)
        axes.barh(places, own, height=0.9, color=colour)
    middle = (len(names) - 1) / 2
    ticks = [-(step * group + middle) for group in range(len(measured))]
    axes.set_yticks(ticks, [each.case for each in measured])
    axes.margins(y=0.01)
    axes.set_xlabel('ms of processor a request; paler: the database')
    axes.grid(visible=True, axis='x', alpha=0.3)
    axes.legend(fontsize='small')
    figure.tight_layout()
    plots.save(figure, folder / NAME)
    return NAME
