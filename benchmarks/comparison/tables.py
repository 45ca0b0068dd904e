"""Figures and tables as Markdown has them."""

import collections.abc


def rounded(value: float) -> str:
    """Return a figure with three digits."""
    if value >= 100:
        return f'{value:,.0f}'
    return f'{value:.3g}'


def rows(
    header: collections.abc.Sequence[str],
    lines: collections.abc.Iterable[collections.abc.Sequence[str]],
) -> str:
    """Return a table."""
    # Markdown takes what is above it for the header.
    rule = ['---'] * len(header)
    text = ''
    for line in (header, rule, *lines):
        cells = ' | '.join(line)
        text += f'| {cells} |\n'
    return text
