"""The processor time of each case on all deployments, as SVG."""

import collections.abc
import pathlib

from matplotlib import pyplot

from benchmarks.comparison import plots
from benchmarks.comparison.measuring import Measured

NAME = 'processor.svg'
#: Inches: the width of the figure, and the height of a bar and of its rim.
_WIDTH, _BAR, _RIM = 7, 0.14, 1.2
#: What share of its place a bar takes.
_THICKNESS = 0.9
#: How much of its colour the database's share of a bar has.
_PALE = 0.45


def draw(
    measured: collections.abc.Sequence[Measured], folder: pathlib.Path
) -> str:
    """Draw a group of bars for each case, the service's share of a bar
    before the database's; return the file's name.
    """
    names = list(measured[0].rounds)
    # A group has a bar for each deployment, and a gap behind them.
    step = len(names) + 1
    tops = [-step * group for group in range(len(measured))]
    height = _RIM + _BAR * step * len(measured)
    figure, axes = pyplot.subplots(figsize=(_WIDTH, height))
    for number, name in enumerate(names):
        places = [top - number for top in tops]
        _draw_bars(axes, places, measured, name)

    middle = (len(names) - 1) / 2
    axes.set_yticks(
        [top - middle for top in tops],
        [each.case for each in measured],
    )
    axes.margins(y=0.01)
    axes.set_xlabel('ms of processor a request; paler: the database')
    axes.grid(visible=True, axis='x', alpha=0.3)
    axes.legend(fontsize='small')
    figure.tight_layout()
    plots.save(figure, folder / NAME)
    return NAME


def _draw_bars(
    axes: pyplot.Axes,
    places: list[float],
    measured: collections.abc.Sequence[Measured],
    name: str,
) -> None:
    """Draw the bars of one deployment, that of each case at its place."""
    total, own = [], []
    for each in measured:
        cpu = each.median(name, 'cpu')
        database = each.median(name, 'database')
        total.append(cpu)
        own.append(cpu - database)

    bars = axes.barh(
        places,
        total,
        height=_THICKNESS,
        label=name,
    )
    colour = bars.patches[0].get_facecolor()
    # The whole bar is paler; what is the service's own covers a part of it.
    for bar in bars.patches:
        bar.set_alpha(_PALE)
    axes.barh(
        places,
        own,
        height=_THICKNESS,
        color=colour,
    )
