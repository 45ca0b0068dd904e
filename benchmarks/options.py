"""The options that the commands of this folder have in common."""

import argparse
import collections.abc
import pathlib


class Asked(argparse.Namespace):
    """What to measure, how long, and where the report is."""

    #: Words that the names of cases may have, with commas between them.
    cases: str
    rounds: int
    #: Of each slice, at least.
    seconds: int
    short: bool
    #: Whether nothing is measured: the report is written of figures that
    #: there are.
    figures: bool

    def selects(self, name: str) -> bool:
        """Return whether a case is to be measured."""
        words = self.cases.split(',')
        # Without any there is one word, '', which every name has.
        return any(word in name for word in words)


def make_parser(
    program: str,
    description: str | None,
    report: pathlib.Path | None,
) -> argparse.ArgumentParser:
    """Make a parser that has the options of every command; ``report`` is
    where reports are written usually, None if that depends.
    """
    parser = argparse.ArgumentParser(
        prog=program,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--report',
        type=pathlib.Path,
        default=report,
        metavar='FOLDER',
        help='default: benchmarks/report, or a folder in it',
    )
    parser.add_argument(
        '--figures',
        action='store_true',
        help='write the report of the figures in its folder anew',
    )
    return parser


def add_load(parser: argparse.ArgumentParser) -> None:
    """Add what says which cases are measured, and how long."""
    parser.add_argument('--cases', default='', metavar='WORD,…')
    parser.add_argument('--rounds', type=int)
    parser.add_argument('--seconds', type=int, help='of each slice, at least')
    parser.add_argument('--short', action='store_true')


def fill_in(
    asked: Asked,
    whole: collections.abc.Mapping[str, object],
    short: collections.abc.Mapping[str, object],
) -> None:
    """Set what wasn't said to what is usual, or usual with ``--short``."""
    # Not as defaults of the parser, which doesn't know of --short yet.
    usual = short if asked.short else whole
    for name, value in usual.items():
        if getattr(asked, name) is None:
            setattr(asked, name, value)


def spell(program: str, options: collections.abc.Mapping[str, object]) -> str:
    """Return the command that is run with some options again."""
    words = [program]
    for name, value in options.items():
        words.append(f'--{name} {value}')
    return ' '.join(words)


def spell_load(asked: Asked) -> dict[str, object]:
    """Return how long is measured, for :func:`spell`."""
    return {
        'rounds': asked.rounds,
        'seconds': asked.seconds,
    }
