"""A fleet of agents that poll once a minute, and whose runs start and end
meanwhile.

``python -m benchmarks.fleet`` makes all that it needs: a database in a folder
of its own with the agents' clients, jobs and sessions, and this service under
uWSGI with 2 processes of 32 threads each. The agents first poll alone; then sessions
of 64 of them have runs beside the polls, one each ten seconds: first with
members that start within a second, then with members that start at one moment.
Afterwards it looks in the store for all that was acknowledged. The report has
the times of each kind of request, and what was lost. It takes nine minutes,
and needs mariadb-server-core and what ``pip install -e .[benchmarks]``
installs.
"""

import argparse
import pathlib

from benchmarks import memory, options
from benchmarks.deployments import databases
from benchmarks.fleet import measuring, report

PROGRAM = 'python -m benchmarks.fleet'
HERE = pathlib.Path(__file__).parent.parent / 'report' / 'fleet'
#: As the documentation recommends it for many agents.
THREADS, CONCURRENT = 32, 2
#: What the agents' service can keep its documents in.
_STORES = (databases.MARIADB, databases.POSTGRESQL, databases.SQLITE)


def main() -> None:
    """Measure and write the report; or write it of figures that there are."""
    asked = _parse()
    memory.use()
    if asked.figures:
        run = measuring.read(asked.report)
    else:
        run = measuring.run(asked)
        run.notes['command'] = _command(asked)
        measuring.save(run, asked.report)
    report.write(run, asked.report)


def _parse() -> argparse.Namespace:
    parser = options.make_parser(PROGRAM, __doc__, HERE)
    parser.add_argument('--agents', type=int, default=10_000)
    parser.add_argument(
        '--seconds',
        type=float,
        default=120,
        help='of each phase',
    )
    parser.add_argument(
        '--every',
        type=float,
        default=10,
        help='seconds between two runs',
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
        default=THREADS,
        help='of each of the two processes',
    )
    parser.add_argument(
        '--concurrent',
        type=int,
        default=CONCURRENT,
        help='requests that a process works on at a time; 0: all',
    )
    parser.add_argument('--store', choices=_STORES, default=_STORES[0])
    return parser.parse_args()


def _numbers(text: str) -> list[float]:
    return list(map(float, text.split(',')))


def _command(asked: argparse.Namespace) -> str:
    spreads = [f'{spread:g}' for spread in asked.spreads]
    told = {
        'agents': asked.agents,
        'seconds': f'{asked.seconds:g}',
        'every': f'{asked.every:g}',
        'spreads': ','.join(spreads),
        'threads': asked.threads,
        'concurrent': asked.concurrent,
        'store': asked.store,
    }
    return options.spell(PROGRAM, told)


if __name__ == '__main__':
    main()
