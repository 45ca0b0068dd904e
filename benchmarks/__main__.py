"""This service beside the published one, and beside the limit: one SELECT by
key, the stored bytes sent.

``python -m benchmarks`` makes all that it needs (MariaDB in a folder of its
own, the published service in a virtual environment, three servers under uWSGI
with 2 processes of 4 threads, the same sessions with three members each on
all sides), loads them by ``wrk`` in turn, and writes a report with tables and
plots. It needs ``wrk`` and ``mariadb-server-core``, and what ``pip install -e
.[benchmarks]`` installs.

``--alone`` measures this service alone, for instance among up to 1,000,000
sessions: ``--alone --sizes 1000,10000,100000,1000000 --cases get,list,search
--report benchmarks/report/alone``. To store the sessions takes the longest.

``python -m benchmarks.deployments`` measures this service on other stores,
under other servers and by other drivers, ``python -m benchmarks.fleet`` with
10,000 agents that poll.

The whole takes an hour or two, most of it the published service's searches
among 100,000 sessions; ``--short`` some minutes. ``--cases`` takes
those whose names have one of the words.
"""

import pathlib

from benchmarks import memory, options
from benchmarks.comparison import figures, measuring, report

PROGRAM = 'python -m benchmarks'
#: Where the published service's virtual environment is kept.
CACHE = pathlib.Path('~/.cache/freezer-benchmarks').expanduser()
HERE = pathlib.Path(__file__).parent / 'report'
#: What is measured unless told otherwise, and by ``--short``.
WHOLE = {'sizes': [1000, 10_000, 100_000], 'rounds': 5, 'seconds': 2}
SHORT = {'sizes': [1000, 10_000], 'rounds': 3, 'seconds': 1}


class Asked(options.Asked):
    """What to measure, and how long."""

    alone: bool
    sizes: list[int]
    cache: pathlib.Path
    report: pathlib.Path


def main() -> None:
    """Measure and write the report; or write it of figures that there are."""
    asked = _parse()
    memory.use()
    if asked.figures:
        run = figures.load(asked.report)
    else:
        keep = figures.keeper(_command(asked), asked.report)
        run = measuring.run(asked.cache, asked, keep)
        keep(run)
    report.write(run, asked.report)


def _parse() -> Asked:
    parser = options.make_parser(PROGRAM, __doc__, HERE)
    options.add_load(parser)
    parser.add_argument('--sizes', type=_sizes)
    parser.add_argument(
        '--alone',
        action='store_true',
        help='measure this service alone',
    )
    parser.add_argument('--cache', type=pathlib.Path, default=CACHE)
    asked = parser.parse_args(namespace=Asked())
    options.fill_in(asked, WHOLE, SHORT)
    return asked


def _sizes(text: str) -> list[int]:
    # The sessions only ever become more.
    numbers = map(int, text.split(','))
    return sorted(numbers)


def _command(asked: Asked) -> str:
    sizes = ','.join(map(str, asked.sizes))
    told = {'sizes': sizes, **options.spell_load(asked)}
    command = options.spell(PROGRAM, told)
    if asked.alone:
        command += ' --alone'
    if asked.cases:
        command += f" --cases '{asked.cases}'"
    return command


if __name__ == '__main__':
    main()
