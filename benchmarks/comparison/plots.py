"""Plots of cost against the number of sessions, as SVG."""

import collections.abc
import pathlib
import re

import matplotlib

from benchmarks.comparison.measuring import Measured

matplotlib.use('svg')
# The same figures make the same file, whose texts can be read and searched.
matplotlib.rcParams['svg.hashsalt'] = 'freezer-api'
matplotlib.rcParams['svg.fonttype'] = 'none'

from matplotlib import pyplot  # noqa: E402

MARKERS = {'here': 'o', 'published': 's', 'limit': '^'}
#: Width and height, in inches.
_SIZE = (5, 3.2)


def file_name(case: str) -> str:
    """Return the name of the plot of a case."""
    words = re.sub('[^a-z0-9]+', '-', case.lower())
    return words.strip('-') + '.svg'


def draw(
    measured: collections.abc.Sequence[Measured], folder: pathlib.Path
) -> str:
    """Draw the processor time of a case against the number of sessions;
    return the file's name.
    """
    case = measured[0].case
    figure, axes = pyplot.subplots(figsize=_SIZE)
    for name, marker in MARKERS.items():
        sizes, costs = [], []
        for each in measured:
            if name in each.rounds:
                sizes.append(each.size)
                costs.append(each.median(name, 'cpu'))
        if sizes:
            axes.plot(
                sizes,
                costs,
                marker=marker,
                label=name,
            )
    axes.set_title(case)
    # Sizes grow tenfold, and so do differences of cost.
    axes.set_xscale('log')
    axes.set_yscale('log')
    axes.set_xlabel('sessions')
    axes.set_ylabel('ms of processor a request')
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    figure.tight_layout()
    name = file_name(case)
    save(figure, folder / name)
    return name


def save(figure: pyplot.Figure, file: pathlib.Path) -> None:
    """Write a figure, the same each time that it shows the same."""
    figure.savefig(file, metadata={'Date': None})
    pyplot.close(figure)
