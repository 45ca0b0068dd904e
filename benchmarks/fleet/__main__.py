"""A fleet of agents that poll once a minute, and whose runs start and end
meanwhile.

``python -m benchmarks.fleet`` makes all that it needs: a database in a folder
of its own with the agents' clients, jobs and sessions, and this service under
uWSGI with 2 processes of 4 threads each. The agents first poll alone; then sessions
of 64 of them have runs beside the polls, one each ten seconds: first with
members that start within a second, then with members that start at one moment.
Afterwards it looks in the store for all that was acknowledged. The report has
the times of each kind of request, and what was lost. It takes seven minutes,
and needs mariadb-server-core and what ``pip install -e .[benchmarks]``
installs.
"""

import argparse
import pathlib

from benchmarks.comparison import contestants
from benchmarks.deployments import databases
from benchmarks.fleet import measuring, report

HERE = pathlib.Path(__file__).parent.parent / 'report' / 'fleet'
_STORES = (databases.MARIADB, databases.POSTGRESQL, databases.SQLITE)


def main() -> None:
    """Measure and write the report; or write it of figures that there are."""
    asked = _parse()
    if asked.figures:
        run = measuring.read(asked.report)
    else:
        run = measuring.run(asked)
        run.notes['command'] = _command(asked)
        measuring.save(run, asked.report)
    report.write(run, asked.report)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.fleet',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--agents', type=int, default=10_000)
    parser.add_argument(
        '--seconds', type=float, default=120, help='of each phase'
    )
    parser.add_argument(
        '--every', type=float, default=10, help='seconds between two runs'
    )
    parser.add_argument(
        '--spreads',
        type=_numbers,
        default=[1.0, 0.0],
        metavar='SECONDS,…',
        help='within which the members of a run start; a phase for each',
    )
    parser.add_argument(
        '--threads',
        type=int,
        default=contestants.THREADS,
        help='of each of the two processes',
    )
    parser.add_argument('--store', choices=_STORES, default=_STORES[0])
    parser.add_argument(
        '--report', type=pathlib.Path, default=HERE, metavar='FOLDER'
    )
    parser.add_argument(
        '--figures',
        action='store_true',
        help='write the report of the figures in its folder anew',
    )
    return parser.parse_args()


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(',')]


def _command(asked: argparse.Namespace) -> str:
    spreads = ','.join(f'{spread:g}' for spread in asked.spreads)
    return (
        f'python -m benchmarks.fleet --agents {asked.agents}'
        f' --seconds {asked.seconds:g} --every {asked.every:g}'
        f' --spreads {spreads} --threads {asked.threads}'
        f' --store {asked.store}'
    )


if __name__ == '__main__':
    main()
