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
    lines = [header, ['---'] * len(header), *lines]
    text = ''
    for line in lines:
        text += f'| {" | ".join(line)} |\n'
    return text
